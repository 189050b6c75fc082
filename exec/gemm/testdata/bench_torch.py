"""Measures this package's w4a4 products side by side with what else multiplies on a CPU.

pip install torch==2.14.0 mmasim==2.1.1
python testdata/bench_torch.py [rounds] [shapes, as 1,16,128,512]

Peers, N = K = 4096, each round after the other on the same machine:
  torch    float32 matmul of weights that are dequantized already; it is no emulation, and
           dequantizing is not counted. OPENBLAS_* and MKL_* settings are removed first.
  mmasim   MMA-Sim's simulator of the same instruction, on 16×64 outputs of K = 4096: its
           words are the same as ours, its time does not depend on the shape
mmasim-kernels 2.1.1 is no peer on a CPU: its kernels issue the instruction itself, on a GPU.

Prints medians in 10^9 multiply-adds a second, and how many times faster than torch.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

for name in list(os.environ):
    if name.startswith(("OPENBLAS_", "MKL_")):
        del os.environ[name]

import torch  # noqa: E402  (after the environment is clean)
from mmasim.nv_ptx import TCGen05MMABlockScale  # noqa: E402

N = K = 4096
VARIANTS = ("gauss", "outlier", "mxfp4")


def rate(macs, runs, work):
    """The runs of work in 10^9 multiply-adds a second, after one that is not counted."""
    rates = []
    for i in range(runs + 1):
        start = time.perf_counter()
        work()
        if i:
            rates.append(macs / (time.perf_counter() - start) / 1e9)
    return rates


def measure_torch(m, threads):
    torch.set_num_threads(threads)
    x, w = torch.randn(m, K), torch.randn(N, K)
    return rate(m * N * K, 5 if m > 16 else 20, lambda: x @ w.T)


def measure_mmasim(threads):
    torch.set_num_threads(threads)
    op = TCGen05MMABlockScale("Blackwell", "m128n64k64.kind::mxf4nvf4.block16.f32.e2m1.e2m1.ue4m3")
    m, n = 16, 64
    codes = lambda *shape: torch.randint(0, 256, shape, dtype=torch.uint8)
    scales = lambda *shape: torch.randint(0x40, 0x70, shape, dtype=torch.uint8).view(torch.float8_e4m3fn)
    args = codes(m, K // 2), codes(K // 2, n), torch.zeros(m, n), scales(m, K // 16), scales(K // 16, n)
    return rate(m * n * K, 2, lambda: op(*args))


def measure_go(binary, variant, m, threads):
    out = subprocess.run(
        [binary, "-test.run", "^$", "-test.bench", f"^BenchmarkW4A4$/^{variant}$/^M={m}$/^threads={threads}$", "-test.benchtime", "5x" if m > 16 else "20x"],
        check=True, capture_output=True, text=True).stdout
    return [float(r) for r in re.findall(r"([\d.]+) GMAC/s", out)]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    shapes = [int(s) for s in sys.argv[2].split(",")] if len(sys.argv) > 2 else [1, 16, 128, 512]
    package = Path(__file__).resolve().parent.parent
    print(f"torch {version('torch')}, mmasim {version('mmasim')}, {rounds} rounds; medians in GMAC/s (times torch)")
    with tempfile.TemporaryDirectory() as tmp:
        binary = str(Path(tmp) / "gemm.test")
        subprocess.run(["go", "test", "-c", "-o", binary, "."], check=True, cwd=package)
        for threads in (1, 2):
            for m in shapes:
                rates = {name: [] for name in ("torch",) + VARIANTS}
                for _ in range(rounds):
                    for variant in VARIANTS:
                        rates["torch"] += measure_torch(m, threads)
                        rates[variant] += measure_go(binary, variant, m, threads)
                base = median(rates["torch"])
                line = "  ".join(f"{v} {median(rates[v]):.1f} ({median(rates[v]) / base:.2f}x)" for v in VARIANTS)
                print(f"{threads} threads  M={m:<4} torch {base:.1f}  {line}", flush=True)
            print(f"{threads} threads  mmasim {median(measure_mmasim(threads)):.5f}", flush=True)


if __name__ == "__main__":
    main()
