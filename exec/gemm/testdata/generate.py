# pip install mmasim==2.1.1 torch==2.14.0 numpy
"""Writes mmasim.bin.gz: result words of MMA-Sim's simulators, to be matched one for one.

Operands are not stored. Both sides draw them from splitmix64 by the rules in cases();
vectors_test.go has the same rules in Go. The file is one line of JSON (versions and
families) followed by the FP32 result words of every family, little-endian.
"""
import gzip, json, pathlib, sys
import numpy as np
import torch
import importlib.metadata
from mmasim.nv_ptx import MMA, MMABlockScale, WGMMA, TCGen05MMA, TCGen05MMABlockScale

SHAPES = 6  # kinds of data, one after the other: case i has shape i % SHAPES
FORMATS = {  # name: (bits, exponent bits, mantissa bits, low bits that are dropped)
    "f16": (16, 5, 10, 0), "bf16": (16, 8, 7, 0), "tf32": (32, 8, 10, 13), "e4m3": (8, 4, 3, 0), "e5m2": (8, 5, 2, 0),
    "e3m2": (6, 3, 2, 0), "e2m3": (6, 2, 3, 0), "e2m1": (4, 2, 1, 0), "f32": (32, 8, 23, 0),
}
U = np.uint64


def splitmix(i):
    with np.errstate(over="ignore"):
        z = i.astype(U) * U(0x9E3779B97F4A7C15)
        z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
        return z ^ (z >> U(31))


def shaped(r, shape, name):
    """One code from one random word: shape 0 is raw bits, the rest bound the exponent."""
    bits, exp, man, drop = FORMATS[name]
    raw = r & U((1 << bits) - 1)
    keep = U((1 << bits) - 1) ^ U(((1 << exp) - 1) << (man + drop))
    bias = (1 << (exp - 1)) - 1
    pick = r >> U(40)
    narrow = (U(max(bias - 4, 0)) + pick % U(min(8, (1 << exp) - 1))) << U(man + drop)
    tiny = (pick % U(2)) << U(man + drop)
    zero = (r >> U(50)) % U(4) != U(0)
    out = (raw & keep) | np.where(shape == 3, tiny, narrow)
    out = np.where((shape == 2) & zero, raw & U(1 << (bits - 1)), out)
    return np.where(shape == 0, raw, out)


def accumulator(r, shape):
    """c: raw, near one, zero of either sign, or tiny enough to meet the smallest alignment exponent."""
    raw = r & U(0xFFFFFFFF)
    frac = raw & U(0x807FFFFF)
    near = frac | ((U(117) + (r >> U(40)) % U(20)) << U(23))
    tiny = frac | (((r >> U(40)) % U(8)) << U(23))
    sign = raw & U(0x80000000)
    out = np.where(shape == 3, tiny, near)
    out = np.where((r >> U(60)) % U(4) == U(0), sign, out)
    return np.where(shape == 0, raw, out)


def scales(r, shape, name):
    raw = r & U(0xFF)
    near = (U(119) + raw % U(16)) if name == "ue8m0" else (U(0x28) + raw % U(0x30))
    out = np.where(shape == 3, raw % U(12), near)
    return np.where((shape == 0) | ((shape == 5) & ((r >> U(50)) % U(16) == U(0))), raw, out)


def cases(seed, n, k, a, b, nscale, scale):
    """Operands of n cases. Word j of case i is splitmix(seed·2^32 + i·1024 + j)."""
    i = np.arange(n, dtype=U)
    shape = (i % U(SHAPES))[:, None]
    word = lambda first, count: splitmix(U(seed << 32) + (i * U(1024))[:, None] + U(first) + np.arange(count, dtype=U)[None, :])
    ra, rb = word(0, k), word(k, k)
    av, bv = shaped(ra, shape, a), shaped(rb, shape, b)
    cancel = (shape == 4) & (np.arange(k)[None, :] % 2 == 1)  # each odd product undoes the even one before it
    flip = U(1 << (FORMATS[a][0] - 1))
    av = np.where(cancel, np.roll(av, 1, axis=1) ^ flip, av)
    bv = np.where(cancel, np.roll(bv, 1, axis=1), bv)
    raw = (shape == 5) & ((ra >> U(54)) % U(32) == U(0))  # a raw word here and there: NaN and infinities
    av = np.where(raw, ra & U((1 << FORMATS[a][0]) - 1), av)
    top = ((U(1) << U(FORMATS[a][1])) - U(1)) << U(FORMATS[a][2] + FORMATS[a][3])
    av = np.where(raw & (FORMATS[a][1] >= 4), av | top, av)
    c = accumulator(word(2 * k, 1)[:, 0], shape[:, 0])
    sa, sb = word(2 * k + 1, nscale), word(2 * k + 1 + nscale, nscale)
    return av, bv, c, scales(sa, shape, scale), scales(sb, shape, scale)


def tensor(v, name, packed):
    if packed:  # mmasim unpacks the high nibble first
        v = v[:, 0::2] << U(4) | v[:, 1::2]
        return torch.from_numpy(v.astype(np.uint8))
    if name in ("f16", "bf16"):
        return torch.from_numpy(v.astype(np.uint16).view(np.int16)).view(torch.float16 if name == "f16" else torch.bfloat16)
    if name in ("tf32", "f32"):
        return torch.from_numpy(v.astype(np.uint32).view(np.int32)).view(torch.float32)
    v = torch.from_numpy(v.astype(np.uint8))
    if name in ("e4m3", "e5m2"):
        return v.view(torch.float8_e4m3fn if name == "e4m3" else torch.float8_e5m2)
    return v << 2 if name == "e2m1" else v  # FP4 in a byte container sits in bits 5:2


def families():
    """(kind, arch, K, scales a side, cases, simulator)."""
    n, fp8 = 900 * SHAPES, ["e4m3", "e5m2"]
    small = fp8 + ["e3m2", "e2m3", "e2m1"]
    yield "f16", "sm70", 8, 0, n, MMA("Volta", "m8n8k4.f32.f16.f16.f32")
    yield "f16", "sm75", 16, 0, n, MMA("Turing", "m16n8k8.f32.f16.f16.f32")
    for arch, name in [("sm80", "Ampere"), ("sm89", "Ada Lovelace"), ("sm90", "Hopper"), ("sm120", "RTX Blackwell")]:
        for t, k in [("f16", 16), ("bf16", 16), ("tf32", 8)]:
            yield t, arch, 2 * k, 0, n, MMA(name, f"m16n8k{k}.f32.{t}.{t}.f32")
    for a in fp8:
        for b in fp8:
            yield f"f8.{a}.{b}", "sm89", 32, 0, n // 4, MMA("Ada Lovelace", f"m16n8k32.f32.{a}.{b}.f32")
            yield f"f8.{a}.{b}", "sm90", 64, 0, n // 4, WGMMA("Hopper", f"m64n8k32.f32.{a}.{b}")
            yield f"f8.{a}.{b}", "sm120", 32, 0, n // 4, MMA("RTX Blackwell", f"m16n8k32.f32.{a}.{b}.f32")
    for t, kind, k in [("f16", "f16", 16), ("bf16", "f16", 16), ("tf32", "tf32", 8)]:
        yield t, "sm100", k, 0, n, TCGen05MMA("Blackwell", f"m64n8k{k}.kind::{kind}.f32.{t}.{t}")
    for a in small:
        for b in small:
            yield f"f8f6f4.{a}.{b}", "sm100", 32, 0, 36 * SHAPES, TCGen05MMA("Blackwell", f"m64n8k32.kind::f8f6f4.f32.{a}.{b}")
            yield f"f8f6f4.{a}.{b}", "sm120", 32, 0, 36 * SHAPES, MMA("RTX Blackwell", f"m16n8k32.kind::f8f6f4.f32.{a}.{b}.f32")
            yield f"mxf8f6f4.{a}.{b}", "sm100", 32, 1, 36 * SHAPES, TCGen05MMABlockScale("Blackwell", f"m128n8k32.kind::mxf8f6f4.block32.f32.{a}.{b}.ue8m0")
            yield f"mxf8f6f4.{a}.{b}", "sm120", 32, 1, 36 * SHAPES, MMABlockScale("RTX Blackwell", f"m16n8k32.kind::mxf8f6f4.block32.f32.{a}.{b}.f32.ue8m0")
    for kind, block, s in [("mxf4", 32, "ue8m0"), ("mxf4nvf4", 32, "ue8m0"), ("mxf4nvf4", 16, "ue8m0"), ("mxf4nvf4", 16, "ue4m3")]:
        name = kind if kind == "mxf4" else f"{kind}.{s}"
        tc = TCGen05MMABlockScale("Blackwell", f"m128n8k64.kind::{kind}.block{block}.f32.e2m1.e2m1.{s}")
        rtx = MMABlockScale("RTX Blackwell", f"m16n8k64.kind::{kind}.block{block}.f32.e2m1.e2m1.f32.{s}")
        yield name, "sm100", 64, 64 // block, n, tc
        yield name, "sm100", 256, 256 // block, SHAPES * 100, tc  # a chain of four
        yield name, "sm120", 64, 64 // block, n, rtx


def main():
    rows, words = [], []
    for seed, (kind, arch, k, nscale, n, op) in enumerate(families(), start=1):
        a, b = op.a_type_ptx, op.b_type_ptx
        packed = getattr(op, "packing", 1) == 2
        scale = "ue4m3" if kind.endswith("ue4m3") else "ue8m0"
        av, bv, c, sa, sb = cases(seed, n, k, a, b, nscale, scale)
        args = [tensor(av, a, packed), tensor(bv, b, packed), tensor(c, "f32", False)]
        if nscale:
            dtype = torch.float8_e4m3fn if scale == "ue4m3" else torch.float8_e8m0fnu
            args += [torch.from_numpy(s.astype(np.uint8)).view(dtype) for s in (sa, sb)]
        d = op.dpa(*args).view(torch.int32).numpy().view(np.uint32)
        rows.append({"kind": kind, "arch": arch, "k": k, "scales": nscale, "seed": seed, "cases": n})
        words.append(d.astype("<u4").tobytes())
        print(f"{arch} {kind} k={k}: {n} cases, {np.isnan(d.view(np.float32)).sum()} NaN, {np.isinf(d.view(np.float32)).sum()} inf, {(d == 0).sum()} zero", file=sys.stderr)
    head = {"mmasim": importlib.metadata.version("mmasim"), "torch": torch.__version__, "families": rows}
    data = (json.dumps(head) + "\n").encode() + b"".join(words)
    path = pathlib.Path(__file__).with_name("mmasim.bin.gz")
    path.write_bytes(gzip.compress(data, 9, mtime=0))
    print(path.stat().st_size, "bytes", file=sys.stderr)


main()
