# {"value": [1, 4, 9]}
import concurrent.futures


def main():
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda x: x * x, [1, 2, 3]))
