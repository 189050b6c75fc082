"""Writes torch.safetensors: low-precision tensors as PyTorch stores them.

pip install torch==2.14.0 safetensors==0.8.0
"""
import pathlib

import safetensors
import torch
from safetensors.torch import save_file

PINNED = {"torch": "2.14.0", "safetensors": "0.8.0"}
assert torch.__version__.split("+")[0] == PINNED["torch"] and safetensors.__version__ == PINNED["safetensors"]

codes = torch.arange(16, dtype=torch.uint8)
packed = codes[0::2] | codes[1::2] << 4  # element 2i in the low bits
every = torch.arange(256, dtype=torch.uint8)
save_file(
    {
        "fp4": packed.view(torch.float4_e2m1fn_x2).reshape(2, 4),
        "e4m3": every.clone().view(torch.float8_e4m3fn).reshape(16, 16),
        "e5m2": every.clone().view(torch.float8_e5m2),
        "e8m0": every.clone().view(torch.float8_e8m0fnu),
        "bf16": torch.tensor([[1.0, -2.5], [0.0, 3.0]], dtype=torch.bfloat16),
        "scalar": torch.tensor(2688.0),
        "empty": torch.zeros(0, 4),
        "ids": torch.tensor([-1, 2**24 + 1]),
        "mask": torch.tensor([True, False]),
    },
    pathlib.Path(__file__).parent / "torch.safetensors",
    metadata=PINNED,
)
