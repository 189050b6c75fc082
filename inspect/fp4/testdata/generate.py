"""Makes formats.json and recipes.json.gz beside this file, with the real libraries on a CPU.

"ocp" is torchao in its FLOOR mode; "vllm" is restated, see vllm_nvfp4.

pip install torch==2.14.0 ml-dtypes==0.6.0 compressed-tensors==0.19.0 \
    llmcompressor==0.14.0.1 nvidia-modelopt==0.47.0 torchao==0.18.0
python generate.py
"""
import base64
import gzip
import json
import zlib
from importlib.metadata import version
from pathlib import Path

import ml_dtypes
import numpy as np
import torch
from compressed_tensors.compressors.mxfp4 import MXFP4PackedCompressor
from compressed_tensors.compressors.nvfp4 import NVFP4PackedCompressor
from compressed_tensors.quantization import QuantizationScheme, preset_name_to_scheme
from compressed_tensors.quantization.utils import calculate_qparams
from llmcompressor.observers import Observer
from modelopt.torch.quantization.qtensor import MXFP4QTensor, NVFP4QTensor
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.inference_workflow import MXDynamicActivationMXWeightConfig
from torchao.prototype.mx_formats.mx_tensor import to_mx
from torchao.prototype.mx_formats.nvfp4_tensor import nvfp4_quantize, per_tensor_amax_to_scale

HERE = Path(__file__).parent
VERSIONS = {p: version(p) for p in ("torch", "ml-dtypes", "compressed-tensors", "llmcompressor", "nvidia-modelopt", "torchao")}


def b64(a):
    return base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()


# ---------------------------------------------------------------- number formats

# largest finite code of the positive half, numpy type of ml-dtypes, torch type, code type
FORMATS = {
    "E2M1": (0x7, ml_dtypes.float4_e2m1fn, None, np.uint8),
    "E4M3": (0x7E, ml_dtypes.float8_e4m3fn, torch.float8_e4m3fn, np.uint8),
    "E5M2": (0x7B, ml_dtypes.float8_e5m2, torch.float8_e5m2, np.uint8),
    "E8M0": (0xFE, ml_dtypes.float8_e8m0fnu, torch.float8_e8m0fnu, np.uint8),
    "BF16": (0x7F7F, ml_dtypes.bfloat16, torch.bfloat16, np.uint16),
    "FP16": (0x7BFF, np.float16, torch.float16, np.uint16),
}
WIDTH = {"E2M1": 4, "E4M3": 8, "E5M2": 8, "E8M0": 8, "BF16": 16, "FP16": 16}


def probes(values):
    """Every value, the midpoint to the next one, and one ulp to either side of that."""
    lo, hi = values[:-1].astype(np.float64), values[1:].astype(np.float64)
    mid = ((lo + hi) / 2).astype(np.float32)
    assert (mid.astype(np.float64) * 2 == lo + hi).all()
    bits = mid.view(np.uint32)
    rows = np.stack([values[:-1].view(np.uint32), bits - 1, bits, bits + 1], axis=1)
    return np.concatenate([rows.reshape(-1), values[-1:].view(np.uint32)])


def formats():
    out = {}
    for name, (largest, np_type, torch_type, code_type) in FORMATS.items():
        codes = np.arange(1 << WIDTH[name], dtype=np.uint32).astype(code_type)
        decoded = codes.view(np_type).astype(np.float32) if name != "E2M1" else codes.astype(np.uint8).view(np_type).astype(np.float32)
        if torch_type is not None:
            t = torch.from_numpy(codes.view(np.int16 if WIDTH[name] == 16 else np.uint8).copy()).view(torch_type).float().numpy()
            assert ((t.view(np.uint32) == decoded.view(np.uint32)) | (np.isnan(t) & np.isnan(decoded))).all(), name
        bits = decoded.view(np.uint32).copy()
        bits[np.isnan(decoded)] = 0x7FC00000
        # torch and ml-dtypes round all of (2^-127, 2^-126) up, not to the nearer: start at 2^-126
        inputs = probes(decoded[1 if name == "E8M0" else 0 : largest + 1])
        if name != "E8M0":
            inputs = np.concatenate([inputs, inputs | 0x80000000])
        x = inputs.view(np.float32)
        ml = x.astype(np_type).view(code_type)
        encoded = ml
        if torch_type is not None:
            t = torch.from_numpy(x.copy()).to(torch_type)
            encoded = t.view(torch.int16 if WIDTH[name] == 16 else torch.uint8).numpy().view(code_type)
            differ = encoded != ml
            assert not differ.any(), (name, x[differ][:5], encoded[differ][:5], ml[differ][:5])
        entry = {
            "decoded_crc32": zlib.crc32(bits.astype("<u4").tobytes()),
            "inputs_crc32": zlib.crc32(inputs.astype("<u4").tobytes()),
            "encoded_crc32": zlib.crc32(encoded.astype(np.dtype(code_type).newbyteorder("<")).tobytes()),
        }
        if WIDTH[name] < 16:
            entry |= {"decoded": b64(bits.astype("<u4")), "inputs": b64(inputs.astype("<u4")), "encoded": b64(encoded)}
        out[name] = entry
    (HERE / "formats.json").write_text(json.dumps({"versions": VERSIONS, "formats": out}, indent=1) + "\n")


# ---------------------------------------------------------------- inputs of the recipes

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=np.float32)


def near(values, ulps=(-1, 0, 1)):
    bits = np.asarray(values, np.float32).view(np.uint32)
    return np.concatenate([bits + np.uint32(u & 0xFFFFFFFF) for u in ulps]).view(np.float32)


def ties(rng):
    """Tensor amax 2688: every library's global scale is 1, so block scales are amax/6 and midpoints are exact."""
    mids = (E2M1[:-1] + E2M1[1:]) / 2
    x = np.zeros((16, 64), np.float32)
    scales = np.concatenate([[448.0], 2.0 ** np.arange(-9, 9), [1.125, 3.5, 0.0625 * 7, 15.0 / 8, 26.0]])
    for b, block in enumerate(x.reshape(-1, 16)):
        s = scales[b % len(scales)]
        pool = near(np.concatenate([mids, E2M1[1:]])) * np.float32(s)
        block[:] = rng.choice(pool, 16) * rng.choice([-1, 1], 16)
        block[b % 16] = 6 * s
    return x


def scale_ties(rng):
    """Block maxima at and around the midpoints of E4M3, and of powers of two (MX)."""
    e4m3 = np.arange(0x7F, dtype=np.uint8).view(ml_dtypes.float8_e4m3fn).astype(np.float32)
    mids = (e4m3[:-1] + e4m3[1:]) / 2
    maxima = np.concatenate([near(mids * 6), [2688.0, 2688.0]])
    x = rng.standard_normal((len(maxima) // 4, 64)).astype(np.float32) * 0.1
    blocks = x.reshape(-1, 16)
    blocks *= maxima[: len(blocks), None]
    blocks.clip(-maxima[: len(blocks), None], maxima[: len(blocks), None], out=blocks)
    blocks[:, 3] = maxima[: len(blocks)]
    x[0, 0] = 2688
    return x


def mx_maxima(rng):
    """Block maxima around 2^k, 1.5·2^k, 1.75·2^k for every k, where the scale rules change their mind.

    An ulp of 1.5·2^k is 2/3 ulp of a sixth of it: 33 and 34 lie on either side of the last value whose
    float32 log2 is a whole number.
    """
    k = np.arange(-130, 128)
    maxima = []
    for m, ulps in ((1.0, (-1, 0, 1)), (1.5, (-1, 0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 18, 33, 34, 35)), (1.75, (-1, 0, 1))):
        maxima.append(near((m * 2.0**k).astype(np.float32), ulps))
    maxima = np.concatenate(maxima)
    maxima = maxima[np.isfinite(maxima)]
    maxima = np.concatenate([maxima, np.zeros(-len(maxima) % 4, np.float32)])
    x = np.zeros((len(maxima), 32), np.float32)
    x[:, 7] = maxima
    x[:, 8] = -maxima / 3
    x[:, 9] = maxima * np.float32(0.21)
    return x.reshape(-1, 128)


def negative_zero(rng):
    x = rng.standard_normal((4, 64)).astype(np.float32)
    x[rng.random(x.shape) < 0.4] = -0.0
    x[rng.random(x.shape) < 0.2] *= np.float32(1e-6)
    x[1, :32] = -0.0
    return x


def zero_blocks(rng):
    x = rng.standard_normal((6, 96)).astype(np.float32)
    x.reshape(-1, 32)[::3] = 0
    x.reshape(-1, 16)[4] = 0
    return x


def wide(rng):
    bits = rng.integers(0, 0x7F800000, (16, 128), dtype=np.uint32) | (rng.integers(0, 2, (16, 128), dtype=np.uint32) << 31)
    return bits.view(np.float32)


def wide_blocks(rng):
    """Like wide, but within a block all exponents are near each other."""
    exponents = rng.uniform(-140, 126, (64, 1))
    return (rng.standard_normal((64, 32)) * 2.0**exponents).clip(-3.3e38, 3.3e38).astype(np.float32).reshape(-1, 128)


def with_values(rng, *values):
    x = rng.standard_normal((4, 96)).astype(np.float32)
    for i, v in enumerate(values):
        x.reshape(-1, 32)[2 * i + 1, 5] = v
    return x


CASES = {
    "gauss": lambda r: (r.standard_normal((8, 128)) * 0.02).astype(np.float32),
    "heavy": lambda r: r.standard_t(2, (8, 128)).astype(np.float32),
    "outlier": lambda r: np.where(r.random((8, 128)) < 0.01, 3e4, 1).astype(np.float32) * r.standard_normal((8, 128)).astype(np.float32),
    "zero_blocks": zero_blocks,
    "negative_zero": negative_zero,
    "tiny": lambda r: (r.standard_normal((4, 64)) * 1e-6).astype(np.float32),
    "least": lambda r: (r.standard_normal((4, 64)) * 1e-37).astype(np.float32),
    "subnormal": lambda r: (r.standard_normal((4, 64)) * 1e-40).astype(np.float32),
    "huge": lambda r: (r.standard_normal((4, 64)) * 1e37).clip(-3e38, 3e38).astype(np.float32),
    "ties": ties,
    "scale_ties": scale_ties,
    "mx_maxima": mx_maxima,
    "wide": wide,
    "wide_blocks": wide_blocks,
    "all_zero": lambda r: np.zeros((2, 64), np.float32),
    "infinite": lambda r: with_values(r, np.inf, -np.inf),
    "nan": lambda r: with_values(r, np.nan),
}


# ---------------------------------------------------------------- the libraries


def ct_nvfp4(x, use_global):
    scheme = preset_name_to_scheme("NVFP4A16", ["Linear"])
    obs = Observer.load_from_registry("memoryless_minmax", base_name="weight", args=scheme.weights)
    obs(x)
    if use_global:
        q = obs.get_qparams()
        scale, g = q["scale"], q["global_scale"]
    else:
        scale, _ = calculate_qparams(obs.min_vals, obs.max_vals, scheme.weights)
        g = None
    state = {"weight": x.clone(), "weight_scale": scale}
    if g is not None:
        state["weight_global_scale"] = g
    out = NVFP4PackedCompressor.compress(state, scheme)
    return out["weight_packed"], out["weight_scale"].view(torch.uint8), g


def ct_mxfp4(x, _):
    scheme = preset_name_to_scheme("MXFP4A16", ["Linear"])
    obs = Observer.load_from_registry("memoryless_minmax", base_name="weight", args=scheme.weights)
    obs(x)
    scale = obs.get_qparams()["scale"]
    out = MXFP4PackedCompressor.compress({"weight": x.clone(), "weight_scale": scale}, scheme)
    return out["weight_packed"], out["weight_scale"], None


def modelopt_nvfp4(x, use_global):
    q, scale, g = NVFP4QTensor.quantize(x.clone(), 16, weights_scaling_factor_2=None if use_global else torch.tensor(1.0))
    return q._quantized_data, scale.view(torch.uint8), g if use_global else None


def modelopt_mxfp4(x, _):
    q, scale = MXFP4QTensor.quantize(x.clone(), 32)
    return q._quantized_data, scale, None


def torchao_nvfp4(x, use_global):
    g = per_tensor_amax_to_scale(torch.amax(torch.abs(x))) if use_global else None
    scale, codes = nvfp4_quantize(x, 16, g)
    return codes, scale.view(torch.uint8), g


def torchao_mxfp4(mode):
    def run(x, _):
        scale, codes = to_mx(x, torch.float4_e2m1fn_x2, 32, scaling_mode=mode)
        return codes.view(torch.uint8), scale.view(torch.uint8), None

    return run


def vllm_nvfp4(x, use_global):
    """vLLM is not installed here: its emulation's arithmetic, restated in the same PyTorch operations."""
    amax = x.float().abs().amax()
    usable = use_global and not (amax == 0 or torch.isinf(amax))  # the caller's business in vLLM
    g = torch.clamp(2688 / amax, max=torch.finfo(torch.float32).max) if usable else torch.tensor(1.0)

    def guarded(v):
        return 1.0 / torch.where(v == 0, torch.tensor(1e8), v)

    blocks = x.reshape(x.shape[0], -1, 16)
    scale = (g * (blocks.abs().amax(-1, keepdim=True).float() * (1 / 6.0))).clamp(-448, 448).to(torch.float8_e4m3fn)
    q = (blocks.float() * guarded(scale.float() * guarded(g))).clamp(-6, 6)
    sign = (q < 0).to(torch.uint8) * 8
    magnitude = torch.from_numpy(q.abs().numpy().astype(ml_dtypes.float4_e2m1fn).view(np.uint8).copy()) & 7
    codes = torch.where(torch.isnan(q), torch.tensor(7, dtype=torch.uint8), sign | magnitude).reshape(x.shape)
    return codes[:, 0::2] | codes[:, 1::2] << 4, scale.squeeze(-1).view(torch.uint8), g if use_global else None


INFERENCE_MODE = MXDynamicActivationMXWeightConfig.__dataclass_fields__["scaling_mode"].default
assert INFERENCE_MODE is ScaleCalculationMode.RCEIL

# recipe, format, function, has a global scale
RUNS = [
    ("compressed-tensors", "nvfp4", ct_nvfp4, True),
    ("compressed-tensors", "mxfp4", ct_mxfp4, False),
    ("modelopt", "nvfp4", modelopt_nvfp4, True),
    ("modelopt", "mxfp4", modelopt_mxfp4, False),
    ("torchao", "nvfp4", torchao_nvfp4, True),
    ("torchao", "mxfp4", torchao_mxfp4(INFERENCE_MODE), False),
    ("vllm", "nvfp4", vllm_nvfp4, True),
    ("ocp", "mxfp4", torchao_mxfp4(ScaleCalculationMode.FLOOR), False),
]


def recipes():
    inputs, results = {}, []
    for i, (case, make) in enumerate(CASES.items()):
        base = torch.from_numpy(np.ascontiguousarray(make(np.random.default_rng(100 + i))))
        for bf16 in (False, True):
            x = base.bfloat16() if bf16 else base
            key = case + ("/bf16" if bf16 else "/f32")
            bits = x.float().numpy().view(np.uint32)
            data = b64((bits >> 16).astype("<u2")) if bf16 else b64(bits.astype("<u4"))
            inputs[key] = {"rows": x.shape[0], "cols": x.shape[1], "bf16": bf16, "data": data}
            for recipe, fmt, run, has_global in RUNS:
                for use_global in (True, False) if has_global else (False,):
                    codes, scales, g = run(x.contiguous(), use_global)
                    results.append({
                        "recipe": recipe, "format": fmt, "input": key, "global": use_global,
                        "codes": b64(codes.to(torch.uint8).numpy()), "scales": b64(scales.to(torch.uint8).numpy()),
                        "global_bits": None if g is None else int(g.float().reshape(1).numpy().view(np.uint32)[0]),
                    })
    text = json.dumps({"versions": VERSIONS, "cpu": torch.backends.cpu.get_cpu_capability(), "inputs": inputs, "results": results})
    (HERE / "recipes.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    formats()
    recipes()
