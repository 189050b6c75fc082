"""Multiply matrices of the shapes of BenchmarkForward with torch on the CPU, with 1 and 2 threads.

pip install torch==2.14.0
python bench_matmul.py

A float32 matmul is what a script that dequantizes does; it is no emulation: its bits are those of
no GPU. Prints the median of 25 runs in 10^6 multiply-adds a second.
"""

import time
from importlib.metadata import version
from statistics import median

import torch

RUNS = 25


def main():
    print(f"torch {version('torch')}; 10^6 multiply-adds a second")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for m, n, k in ((128, 1536, 384), (1, 4096, 4096)):
            for dtype in (torch.float32, torch.float64, torch.bfloat16):
                x, w = torch.randn(m, k, dtype=dtype), torch.randn(n, k, dtype=dtype)
                times = []
                for _ in range(RUNS + 1):
                    start = time.perf_counter()
                    x @ w.T
                    times.append(time.perf_counter() - start)
                print(f"{threads} threads  {m}x{n}x{k} {str(dtype):15} {m * n * k / median(times[1:]) / 1e6:.0f}")


if __name__ == "__main__":
    main()
