# {"value": [2, 4]}
import multiprocessing


def double(x):
    return 2 * x


def main():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(double, [1, 2])
