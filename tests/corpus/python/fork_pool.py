# {"value": [2, 4, 6]}
import multiprocessing


def double(x):
    return 2 * x


def main():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(double, [1, 2, 3])
