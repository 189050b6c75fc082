"""Dequantize one NVFP4 matrix of 4096 x 8192 with torch on the CPU, with 1 and 2 threads.

pip install torch==2.14.0 compressed-tensors==0.19.0
python bench_dequantize.py

Two ways: the decompress of compressed-tensors as it is, and the shortest torch program with the
same result (a table of 256 pairs, one look-up and one multiplication). Prints the median of
five runs in 10^9 weights a second, and what torch copies in the same unit.
"""

import time
from importlib.metadata import version
from statistics import median

import torch
from compressed_tensors.compressors.nvfp4 import NVFP4PackedCompressor
from compressed_tensors.quantization import QuantizationScheme, preset_name_to_scheme

N, K, RUNS = 4096, 8192, 5
E2M1 = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
CODES = torch.tensor(E2M1 + [-v for v in E2M1])
PAIRS = torch.stack([CODES.repeat(16), CODES.repeat_interleave(16)], dim=1)  # low nibble first


def table(packed, scale, g, dtype):
    effective = scale.to(torch.float32) / g
    values = PAIRS[packed.reshape(-1).to(torch.int32)].reshape(N, K // 16, 16)
    return (values * effective.unsqueeze(-1)).reshape(N, K).to(dtype)


def rate(run):
    run()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return N * K / median(times) / 1e9


def main():
    torch.manual_seed(1)
    packed = torch.randint(0, 256, (N, K // 2), dtype=torch.uint8)
    scale = torch.randint(0x30, 0x60, (N, K // 16), dtype=torch.uint8).view(torch.float8_e4m3fn)
    g = torch.tensor([1808.0])
    scheme = QuantizationScheme(targets=["Linear"], weights=preset_name_to_scheme("NVFP4A16", ["Linear"]).weights)

    def library():
        state = {"weight_packed": packed, "weight_scale": scale, "weight_global_scale": g}
        return NVFP4PackedCompressor.decompress(state, scheme)["weight"]

    assert torch.equal(library(), table(packed, scale, g, torch.bfloat16)), "the two ways differ"
    source, target = torch.ones(N, K), torch.empty(N, K)
    print(f"torch {version('torch')}, compressed-tensors {version('compressed-tensors')}; 10^9 weights a second")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for name, run in (
            ("compressed-tensors, bf16", library),
            ("table, f32", lambda: table(packed, scale, g, torch.float32)),
            ("table, bf16", lambda: table(packed, scale, g, torch.bfloat16)),
            ("copy of f32", lambda: target.copy_(source)),
        ):
            print(f"{threads} threads  {name:26} {rate(run):.3f}")


if __name__ == "__main__":
    main()
