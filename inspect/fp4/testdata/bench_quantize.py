"""Quantize activations of 512 x 4096 (bfloat16) with real libraries on a CPU, with 1 and 2 threads.

pip install torch==2.14.0 torchao==0.18.0 nvidia-modelopt==0.47.0
python bench_quantize.py

Beside BenchmarkQuantizePaths. Prints the median of nine runs in ms.
"""

import time
from importlib.metadata import version
from statistics import median

import torch
from modelopt.torch.quantization.qtensor import NVFP4QTensor
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.mx_tensor import to_mx
from torchao.prototype.mx_formats.nvfp4_tensor import nvfp4_quantize, per_tensor_amax_to_scale

M, K, RUNS = 512, 4096, 9


def main():
    torch.manual_seed(1)
    x = torch.randn(M, K).to(torch.bfloat16)
    runs = {
        "torchao nvfp4": lambda: nvfp4_quantize(x, 16, per_tensor_amax_to_scale(x.float().abs().max())),
        "torchao mxfp4 rceil": lambda: to_mx(x, torch.float4_e2m1fn_x2, 32, ScaleCalculationMode.RCEIL),
        "modelopt nvfp4": lambda: NVFP4QTensor.quantize(x, 16),
    }
    print(", ".join(f"{p} {version(p)}" for p in ("torch", "torchao", "nvidia-modelopt")) + "; ms")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for name, run in runs.items():
            times = []
            for _ in range(RUNS + 1):
                start = time.perf_counter()
                run()
                times.append(time.perf_counter() - start)
            print(f"{threads} threads  {name:20} {median(times[1:]) * 1e3:.1f}")


if __name__ == "__main__":
    main()
