"""Dequantize every sample layer, and layers that hold every scale byte, with the libraries that own the formats.

pip install torch==2.14.0 transformers==5.17.0 safetensors==0.8.0 compressed-tensors==0.19.0 nvidia-modelopt==0.47.0
python generate.py   # after samples/generate.py

Writes edges/*.safetensors (256 rows, one a scale byte; every code in each) and goldens.json:
SHA-256 of the little-endian bytes of the whole dequantized matrix, as bfloat16 and as float32,
with every NaN written as 0x7fc0 and 0x7fc00000, and its first 64 float32 values.
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from compressed_tensors.compressors.mx_utils import decompress_mx_scale
from compressed_tensors.compressors.mxfp4 import MXFP4PackedCompressor
from compressed_tensors.compressors.nvfp4 import NVFP4PackedCompressor, unpack_fp4_from_uint8
from compressed_tensors.quantization import QuantizationScheme, preset_name_to_scheme
from compressed_tensors.quantization.lifecycle.forward import dequantize
from modelopt.torch.quantization.qtensor import NVFP4QTensor
from safetensors.torch import load_file, save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
PACKAGES = ("torch", "transformers", "compressed-tensors", "nvidia-modelopt")


def compressed_tensors(t, p):
    """bfloat16 by the compressor's own decompress, float32 by the dequantize that it calls."""
    packed, scale = t[p + ".weight_packed"], t[p + ".weight_scale"]
    g = t.get(p + ".weight_global_scale")
    mx = g is None
    args = preset_name_to_scheme("MXFP4A16" if mx else "NVFP4A16", ["Linear"]).weights
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    state = {"weight_packed": packed, "weight_scale": scale} | ({} if mx else {"weight_global_scale": g})
    bf16 = (MXFP4PackedCompressor if mx else NVFP4PackedCompressor).decompress(state, scheme)["weight"]
    wide = unpack_fp4_from_uint8(packed, packed.shape[0], 2 * packed.shape[1], torch.float32)
    scale = (decompress_mx_scale(scale) if mx else scale).to(torch.float32)
    return bf16, dequantize(wide, scale, args=args, global_scale=g, dtype=torch.float32)


def modelopt(t, p):
    packed = t[p + ".weight"]
    shape = torch.Size([packed.shape[0], 2 * packed.shape[1]])
    q = NVFP4QTensor(shape, torch.bfloat16, packed)
    at = {"scale": t[p + ".weight_scale"], "double_scale": t[p + ".weight_scale_2"], "block_sizes": {-1: 16}}
    return q.dequantize(torch.bfloat16, **at), q.dequantize(torch.float32, **at)


def gpt_oss(t, p):
    """transformers returns [E, K, N]; turned back to [E, N, K] here."""
    def convert(dtype):
        out = convert_moe_packed_tensors(t[p + "_blocks"], t[p + "_scales"], dtype=dtype)
        return out.transpose(1, 2).contiguous()
    return convert(torch.bfloat16), convert(torch.float32)


LIBRARIES = ((".weight_packed", compressed_tensors), ("_blocks", gpt_oss), (".weight", modelopt))


def sha(t, nan):
    a = t.contiguous().view(torch.int16 if t.dtype == torch.bfloat16 else torch.int32).clone()
    a[torch.isnan(t)] = nan
    return hashlib.sha256(a.numpy().astype(a.numpy().dtype.newbyteorder("<")).tobytes()).hexdigest()


def golden(path, layer, expert, bf16, f32):
    assert bf16.dtype == torch.bfloat16 and f32.dtype == torch.float32 and bf16.shape == f32.shape
    head = f32.flatten()[:64].contiguous().view(torch.int32).numpy().astype("<u4")
    return {"path": path, "layer": layer, "expert": expert, "n": f32.shape[0], "k": f32.shape[1],
            "bf16": sha(bf16, 0x7FC0), "f32": sha(f32, 0x7FC00000), "first": " ".join(f"{v:08x}" for v in head)}


def goldens(path):
    tensors = {}
    for file in [ROOT / path] if path.endswith(".safetensors") else sorted((ROOT / path).glob("*.safetensors")):
        tensors |= load_file(file)
    out = []
    for name, t in sorted(tensors.items()):
        for suffix, library in LIBRARIES:
            if not name.endswith(suffix) or t.dtype != torch.uint8:
                continue
            layer = name[: -len(suffix)]
            bf16, f32 = library(tensors, layer)
            if f32.ndim == 2:
                out.append(golden(path, layer, 0, bf16, f32))
            else:
                out += [golden(path, layer, e, bf16[e], f32[e]) for e in range(f32.shape[0])]
            break
    assert out, path
    return out


def edges():
    """Layers in which every scale byte meets every code."""
    codes = torch.tensor([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0xFE], dtype=torch.uint8)
    nv, mx = codes.repeat(256, 1), codes.repeat(256, 2)
    byte = torch.arange(256, dtype=torch.int64).to(torch.uint8)
    e4m3, e8m0 = byte.view(torch.float8_e4m3fn).reshape(256, 1), byte.reshape(256, 1)
    # 4328 is a plain global; the others make every rounding in the chain inexact or leave the normal range.
    values = (4328.0, 1 / 3, 1.1e-38, 3e38, 0.0, float("inf"))
    ct, mo = {}, {}
    for i, v in enumerate(values):
        ct |= {f"g{i}.weight_packed": nv.clone(), f"g{i}.weight_scale": e4m3.clone(), f"g{i}.weight_global_scale": torch.tensor([v])}
        mo |= {f"g{i}.weight": nv.clone(), f"g{i}.weight_scale": e4m3.clone(), f"g{i}.weight_scale_2": torch.tensor(v)}
    files = {
        "compressed-tensors-nvfp4": ct,
        "modelopt-nvfp4": mo,
        "compressed-tensors-mxfp4": {"u8.weight_packed": mx, "u8.weight_scale": e8m0},
        "gpt-oss-mxfp4": {"mlp.experts.down_proj_blocks": mx.reshape(2, 128, 1, 16).clone(),
                          "mlp.experts.down_proj_scales": e8m0.reshape(2, 128, 1).clone()},
    }
    (HERE / "edges").mkdir(exist_ok=True)
    for name, tensors in files.items():
        save_file(tensors, HERE / "edges" / f"{name}.safetensors")
    return [f"inspect/layer/testdata/edges/{name}.safetensors" for name in files]


def main():
    samples = [f"samples/{s}" for s in ("minilm-w4a16", "minilm-w4a4", "minilm-mxfp4", "modelopt-nvfp4", "modelopt-w4a16",
                                        "gpt-oss-mxfp4", "unaligned-w4a16")]
    layers = [g for path in samples + edges() for g in goldens(path)]
    doc = {"made_by": {p: version(p) for p in PACKAGES}, "layers": layers}
    (HERE / "goldens.json").write_text(json.dumps(doc, indent=1) + "\n")
    print(len(layers), "goldens")


if __name__ == "__main__":
    main()
