"""Compare two float32 matrices of 4096 x 4096 with torch on the CPU, with 1 and 2 threads.

pip install torch==2.14.0
python bench_metrics.py

The metrics of BenchmarkLargeMetrics except ULPs, in float64 as there: counts of NaN and infinities, the
worst error and its place, mean, 99th percentile, root mean square, relative errors, cosine, SQNR. And
the overview map: the largest error of every 64 x 64. Prints the median of nine runs in ms.
"""

import time
from importlib.metadata import version
from statistics import median

import torch

N, RUNS = 4096, 9


def metrics(got, want):
    finite = torch.isfinite(got) & torch.isfinite(want)
    g, w = got.double(), want.double()
    err = (g - w).abs()
    scale = w.abs()
    dot, gg, ww, ee = (g * w).sum(), (g * g).sum(), (w * w).sum(), (err * err).sum()
    return {
        "nan": (torch.isnan(got) | torch.isnan(want)).sum(),
        "inf": (torch.isinf(got) | torch.isinf(want)).sum(),
        "finite": finite.sum(),
        "max_abs": err.max(),
        "argmax": err.argmax(),
        "mean_abs": err.mean(),
        "p99_abs": err.flatten().kthvalue(int(0.99 * N * N) + 1).values,
        "rmse": (ee / err.numel()).sqrt(),
        "max_rel": torch.where(scale > 1e-6 * scale.max(), err / scale, 0).max(),
        "rel_l2": (ee / ww).sqrt(),
        "cos": dot / (gg * ww).sqrt(),
        "sqnr_db": 10 * torch.log10(ww / ee),
        "calc_diff": 1 - 2 * dot / (gg + ww),
        "mismatched": (got != want).sum(),
    }


def overview(got, want):
    err = (got - want).abs()
    return err.reshape(N // 64, 64, N // 64, 64).amax(dim=(1, 3))


def main():
    torch.manual_seed(1)
    want = torch.randn(N, N)
    got = want + 0.01 * torch.randn(N, N)
    print(f"torch {version('torch')}; ms")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for run in (metrics, overview):
            times = []
            for _ in range(RUNS + 1):
                start = time.perf_counter()
                run(got, want)
                times.append(time.perf_counter() - start)
            print(f"{threads} threads  {run.__name__:10} {median(times[1:]) * 1e3:.1f}")


if __name__ == "__main__":
    main()
