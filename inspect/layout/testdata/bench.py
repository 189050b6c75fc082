"""What BenchmarkPrepare does, in torch: row shuffle of 16384×16384 codes, row
shuffle and 128x4 swizzle of their scales. As there, the results go to buffers that
exist: fresh ones cost torch page faults that are not the layout's.

    pip install torch==2.14.0
"""
import sys
import time

import torch

N = 16384
torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
codes = torch.randint(0, 256, (N, N // 2), dtype=torch.uint8)
scales = torch.randint(0, 127, (N, N // 16), dtype=torch.uint8)
n = torch.arange(N)
to_codes, moved, to_scales = torch.empty_like(codes), torch.empty_like(scales), torch.empty(N // 128, N // 64, 32, 4, 4, dtype=torch.uint8)
rows = n // 32 * 32 + n % 8 * 4 + n % 32 // 8


def prepare():
    torch.index_select(codes, 0, rows, out=to_codes)
    torch.index_select(scales, 0, rows, out=moved)
    to_scales.copy_(moved.reshape(N // 128, 4, 32, N // 64, 4).permute(0, 3, 2, 1, 4))


prepare()
times = []
for _ in range(5):
    start = time.perf_counter()
    prepare()
    times.append(time.perf_counter() - start)
best = min(times)
print(f"torch {torch.__version__}, {torch.get_num_threads()} threads: {best * 1e3:.1f} ms, {(codes.numel() + scales.numel()) / best / 1e9:.2f} GB/s")
