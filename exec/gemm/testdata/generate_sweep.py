# pip install mmasim==2.1.1 torch==2.14.0 numpy
"""Writes sweep.json: hashes of what MMA-Sim's simulators return, 100,000 cases a row.

    python generate_sweep.py                     # all rows
    python generate_sweep.py --chunk 7 12        # the words of chunk 12 of the family with seed 7, one a line

Operands are not stored: package exec/gemm/sweep draws the same ones in Go, by the rules
that fill() has here. Every 1,000 results make one hash, the first eight bytes of the
SHA-256 of their words (little-endian; two bytes each for FP16 results). A chunk has one K;
a K beyond the instruction's is a chain, where each result is the next accumulator.
"""
import argparse, hashlib, importlib.metadata, json, pathlib, sys
import numpy as np
import torch
from mmasim.nv_ptx import MMA, MMABlockScale, WGMMA, TCGen05MMA, TCGen05MMABlockScale

CHUNK, CASES, PER_CASE = 1000, 100_000, 2048
RAW, NARROW, SPARSE, TINY, CANCELLING, SPECIAL, WIDE, LAYER, HUGE, LADDER, ZEROS, REMAINDER, FLOOR, SHAPES = range(14)
I, U = np.int64, np.uint64


class Format:
    """bits, exponent bits, mantissa bits, dropped low bits, whether the top field holds NaN."""

    def __init__(self, bits, exp, man, drop, reserved):
        self.bits, self.exp, self.man, self.drop = bits, exp, man, drop
        self.sign, self.bias = 1 << (bits - 1), (1 << (exp - 1)) - 1
        self.largest = (1 << exp) - 1 - reserved
        self.mask = ((1 << exp) - 1) << (man + drop)

    def fields(self, raw, field):
        return (raw & ~I(self.mask)) | (field << (self.man + self.drop))


FORMATS = {
    "f16": Format(16, 5, 10, 0, 1), "bf16": Format(16, 8, 7, 0, 1), "tf32": Format(32, 8, 10, 13, 1), "f32": Format(32, 8, 23, 0, 1),
    "e4m3": Format(8, 4, 3, 0, 1), "e5m2": Format(8, 5, 2, 0, 1),
    "e3m2": Format(6, 3, 2, 0, 0), "e2m3": Format(6, 2, 3, 0, 0), "e2m1": Format(4, 2, 1, 0, 0),
}


def words(seed, i, first, count):
    """Random words first … first+count-1 of the cases i, one row a case."""
    with np.errstate(over="ignore"):
        n = U(seed << 43) + i[:, None] * U(PER_CASE) + U(first) + np.arange(count, dtype=U)[None, :]
        z = n * U(0x9E3779B97F4A7C15)
        z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
        return z ^ (z >> U(31))


def part(r, low, bits):
    return ((r >> U(low)) & U((1 << bits) - 1)).astype(I)


def shift(m, n):
    return np.where(n < 0, m >> np.maximum(-n, 0), m << np.maximum(n, 0))


def bell(f, r):
    g = part(r, 0, 8) + part(r, 8, 8) + part(r, 16, 8) + part(r, 24, 8) - 510
    sign, m = np.where(g < 0, f.sign, 0), np.abs(g)
    top = sum((m >= 1 << j).astype(I) for j in range(1, 9))
    field = top - 6 + f.bias
    sub = sign | (shift(m, I(f.man + f.bias - 7)) << f.drop)
    far = (part(r, 34, 6) == 0) & (f.exp >= 4)
    man = shift(m, f.man - top) & ((1 << f.man) - 1)
    out = sign | ((((field + 5 * far) << f.man) | man) << f.drop)
    return np.where(m == 0, sign, np.where(field < 1, sub, out))


def codes(f, r, own, shape):
    raw, pick = part(r, 0, f.bits), part(r, 40, 24)
    field = max(f.bias - 4, 0) + pick % min(8, (1 << f.exp) - 1)
    field = np.where(shape == TINY, pick % 2, field)
    field = np.where((shape == SPECIAL) & (part(r, 34, 5) == 0) & (f.exp >= 4), (1 << f.exp) - 1, field)
    field = np.where((shape == WIDE) | (shape == REMAINDER), pick % (f.largest + 1), field)
    field = np.where(shape == HUGE, f.largest - pick % min(4, f.largest), field)
    rung = np.maximum(f.bias + 2 - pick % 4 - part(r, 34, 1) * (own % U(16)).astype(I), 0)
    out = f.fields(raw, np.where(shape == LADDER, rung, field))
    out = np.where((shape == SPARSE) & (part(r, 34, 2) != 0), raw & f.sign, out)
    out = np.where(shape == LAYER, bell(f, r), out)
    return np.where(shape == RAW, raw, out)


def accumulators(f, r, shape):
    raw, pick = part(r, 0, f.bits), part(r, 40, 20)
    spread = min(20, 2 * f.bias - 14)
    field = f.bias - spread // 2 + pick % spread
    field = np.where((shape == TINY) | (shape == ZEROS) | (shape == REMAINDER), pick % (8 if f.exp == 8 else 3), field)
    field = np.where((shape == SPECIAL) & (pick % 16 == 0), (1 << f.exp) - 1, field)
    field = np.where(shape == WIDE, pick % (f.largest + 1), field)
    field = np.where(shape == HUGE, f.largest - pick % 4, field)
    field = np.where(shape == LADDER, np.maximum(f.bias + 6 - pick % 40, 0), field)
    zero = (part(r, 60, 2) == 0) | ((shape == LAYER) & (part(r, 60, 1) == 0))
    out = np.where(zero, raw & f.sign, f.fields(raw, field))
    return np.where(shape == RAW, raw, out)


def scales(r, shape, name):
    raw, wide = part(r, 0, 8), name == "ue8m0"
    out = 119 + raw % 16 if wide else 0x28 + raw % 0x30
    out = np.where(shape == TINY, raw % 12, out)
    out = np.where(shape == WIDE, raw % 255 if wide else (raw & 0x80) | ((r >> U(8)) % U(127)).astype(I), out)
    out = np.where(shape == HUGE, (240 if wide else 0x70) + raw % 15, out)
    out = np.where(shape == LADDER, 127 - raw % 40 if wide else raw % 0x7F, out)
    return np.where((shape == RAW) | ((shape == SPECIAL) & (part(r, 50, 4) == 0)), raw, out)


def power(f, e):
    field, n = e + f.bias, f.man + e + f.bias - 1
    return np.where(field > 0, field << (f.man + f.drop), np.where(n >= 0, I(1) << np.maximum(n + f.drop, 0), 0))


def floors(own, k, a, b, c, nscale, scale):
    """Cases of the shape FLOOR: a product at the smallest result and one below it."""
    own = own[:, 0]
    smallest = -149 if c.exp == 8 else -25
    below = ((own >> U(8)) % U(30)).astype(I)
    first, last = I(smallest) + 0 * below, smallest - 1 - below
    if nscale:
        first, last = 0 * below, 0 * below if nscale > 1 else -1 - below
    av, bv = np.zeros((len(own), k), I), np.zeros((len(own), k), I)
    av[:, 0] = power(a, first >> 1) | part(own, 0, 1) << (a.man + a.drop - 1)
    bv[:, 0] = power(b, first - (first >> 1))
    av[:, 0] |= part(own, 1, 1) * a.sign
    av[:, -1] = power(a, last >> 1) | part(own, 2, 1) * a.sign
    bv[:, -1] = power(b, last - (last >> 1))
    sa = np.ones((len(own), nscale), I)
    sb = sa.copy()
    if scale == "ue8m0":
        for n in range(nscale):
            e = I(smallest) + 0 * below if n == 0 or nscale == 1 else smallest - 1 - below
            sa[:, n], sb[:, n] = np.maximum((e >> 1) + 127, 0), np.maximum(e - (e >> 1) + 127, 0)
    return av, bv, part(own, 3, 1) * c.sign, sa, sb


def fill(seed, first, n, k, a, b, c, nscale, scale):
    """Operands of the cases first … first+n-1."""
    i = np.arange(first, first + n, dtype=U)
    shape = (i % U(SHAPES)).astype(I)[:, None]
    own = words(seed, i, PER_CASE - 1, 1)
    av, bv = codes(a, words(seed, i, 0, k), own, shape), codes(b, words(seed, i, k, k), own, shape)
    odd = np.arange(k)[None, :] % 2 == 1
    undo = odd & ((shape == CANCELLING) | ((shape == REMAINDER) & (np.arange(k)[None, :] + 2 < k)))
    av, bv = np.where(undo, np.roll(av, 1, axis=1) ^ a.sign, av), np.where(undo, np.roll(bv, 1, axis=1), bv)
    av = np.where(shape == ZEROS, np.where(bv & b.sign, 0, a.sign), av)
    cv = accumulators(c, words(seed, i, 2 * k, 1), shape)[:, 0]
    sa, sb = words(seed, i, 2 * k + 1, nscale), words(seed, i, 2 * k + 1 + nscale, nscale)
    sa, sb = scales(sa, shape, scale), scales(sb, shape, scale)
    floor = shape == FLOOR
    fa, fb, fc, fsa, fsb = floors(own, k, a, b, c, nscale, scale)
    return np.where(floor, fa, av), np.where(floor, fb, bv), np.where(floor[:, 0], fc, cv), np.where(floor, fsa, sa), np.where(floor, fsb, sb)


def tensor(v, name, packed=False):
    if packed:  # mmasim unpacks the high nibble first
        return torch.from_numpy((v[:, 0::2] << 4 | v[:, 1::2]).astype(np.uint8))
    if name in ("f16", "bf16"):
        return torch.from_numpy(v.astype(np.uint16).view(np.int16)).view(torch.float16 if name == "f16" else torch.bfloat16)
    if name in ("tf32", "f32"):
        return torch.from_numpy(v.astype(np.uint32).view(np.int32)).view(torch.float32)
    v = torch.from_numpy(v.astype(np.uint8))
    if name in ("e4m3", "e5m2"):
        return v.view(torch.float8_e4m3fn if name == "e4m3" else torch.float8_e5m2)
    return v << 2 if name == "e2m1" else v  # FP4 in a byte container sits in bits 5:2


SMALL = ["e4m3", "e5m2", "e3m2", "e2m3", "e2m1"]
NEWER = {"sm80": "Ampere", "sm86": "Ampere", "sm89": "Ada Lovelace", "sm90": "Hopper", "sm100": "Blackwell", "sm120": "RTX Blackwell"}


def families():
    """(kind, a, b, L, step, block, scale, cases, [(arch, simulator)]): one for each kind with parameters of its own."""
    for out in ("f32", "f16"):
        suffix = "" if out == "f32" else ".f16out"
        yield "f16" + suffix, "f16", "f16", 4, 4, 0, "", CASES, [("sm70", MMA("Volta", f"m8n8k4.{out}.f16.f16.{out}"))]
        for t, L in [("f16", 8), ("bf16", 8), ("tf32", 4)]:
            if out == "f32" or t == "f16":
                k = 8 if t == "tf32" else 16
                ops = {arch: [MMA(NEWER[arch], f"m16n8k{k}.{out}.{t}.{t}.{out}")] for arch in NEWER}
                ops["sm75"] = [MMA("Turing", f"m16n8k8.{out}.f16.f16.{out}")] if t == "f16" else []
                ops["sm90"].append(WGMMA("Hopper", f"m64n8k{k}.{out}.{t}.{t}"))
                ops["sm100"].append(TCGen05MMA("Blackwell", f"m64n8k{k}.kind::{'tf32' if t == 'tf32' else 'f16'}.{out}.{t}.{t}"))
                for length, archs in [(L, ["sm75", "sm80", "sm86", "sm89"]), (2 * L, ["sm90", "sm100", "sm120"])]:
                    yield t + suffix, t, t, length, L, 0, "", CASES, [(arch, op) for arch in archs for op in ops[arch]]
        for a in SMALL:
            for b in SMALL:
                name = f"{suffix}.{a}.{b}"
                tc = ("sm100", TCGen05MMA("Blackwell", f"m64n8k32.kind::f8f6f4.{out}.{a}.{b}"))
                yield "f8f6f4" + name, a, b, 32, 32, 0, "", CASES // 25, [tc, ("sm120", MMA("RTX Blackwell", f"m16n8k32.kind::f8f6f4.{out}.{a}.{b}.{out}"))]
                if out == "f32":
                    text = f"kind::mxf8f6f4.block32.f32.{a}.{b}"
                    ops = [("sm100", TCGen05MMABlockScale("Blackwell", f"m128n8k32.{text}.ue8m0")), ("sm120", MMABlockScale("RTX Blackwell", f"m16n8k32.{text}.f32.ue8m0"))]
                    yield "mxf8f6f4" + name, a, b, 32, 32, 32, "ue8m0", CASES // 25, ops
                if a in SMALL[:2] and b in SMALL[:2]:
                    mma = lambda arch: MMA(arch, f"m16n8k32.{out}.{a}.{b}.{out}")
                    yield "f8" + name, a, b, 16, 16, 0, "", CASES // 4, [("sm89", mma("Ada Lovelace"))]
                    yield "f8" + name, a, b, 32, 32, 0, "", CASES // 4, [("sm90", WGMMA("Hopper", f"m64n8k32.{out}.{a}.{b}"))]
                    yield "f8" + name, a, b, 32, 16, 0, "", CASES // 4, [tc, ("sm120", mma("RTX Blackwell"))]
    for kind, block, s in [("mxf4", 32, "ue8m0"), ("mxf4nvf4", 32, "ue8m0"), ("mxf4nvf4", 16, "ue8m0"), ("mxf4nvf4", 16, "ue4m3")]:
        text = f"kind::{kind}.block{block}.f32.e2m1.e2m1"
        ops = [("sm100", TCGen05MMABlockScale("Blackwell", f"m128n8k64.{text}.{s}")), ("sm120", MMABlockScale("RTX Blackwell", f"m16n8k64.{text}.f32.{s}"))]
        yield kind if kind == "mxf4" else f"{kind}.{s}", "e2m1", "e2m1", 64, 64, block, s, CASES, ops


class Family:
    def __init__(self, seed, kind, a, b, L, step, block, scale, cases, ops):
        self.seed, self.kind, self.a, self.b, self.L, self.block, self.scale, self.cases, self.ops = seed, kind, a, b, L, block, scale, cases, ops
        self.out = "f16" if ops[0][1].d_type == torch.float16 else "f32"
        self.ks = [L, 4 * L] + ([step, L + step] if step < L else [])
        self.archs = list(dict.fromkeys(arch for arch, _ in ops))

    def chunk(self, j, op):
        """The result words of one chunk."""
        k = self.ks[j % len(self.ks)]
        av, bv, c, sa, sb = fill(self.seed, j * CHUNK, CHUNK, k, FORMATS[self.a], FORMATS[self.b], FORMATS[self.out], k // self.block if self.block else 0, self.scale)
        packed = getattr(op, "packing", 1) == 2
        d = tensor(c, self.out)
        for k0 in range(0, k, self.L):
            part = slice(k0, k0 + self.L)
            args = [tensor(av[:, part], self.a, packed), tensor(bv[:, part], self.b, packed), d]
            if self.block:
                dtype = torch.float8_e4m3fn if self.scale == "ue4m3" else torch.float8_e8m0fnu
                part = slice(k0 // self.block, (k0 + self.L) // self.block)
                args += [torch.from_numpy(s[:, part].astype(np.uint8)).view(dtype) for s in (sa, sb)]
            d = op.dpa(*args)
        return d.view(torch.int16).numpy().view("<u2") if self.out == "f16" else d.view(torch.int32).numpy().view("<u4")

    def hashes(self, op):
        return [hashlib.sha256(self.chunk(j, op).tobytes()).hexdigest()[:16] for j in range(self.cases // CHUNK)]


def write(all_families):
    rows = []
    for f in all_families:
        first, *rest = [f.hashes(op) for _, op in f.ops]
        if any(other != first for other in rest):
            sys.exit(f"{f.kind}: the simulators of {f.archs} differ")
        rows.append({"kind": f.kind, "archs": f.archs, "seed": f.seed, "ks": f.ks, "block": f.block, "hashes": first})
        print(f.seed, f.kind, f.archs, f.ks, len(first), file=sys.stderr)
    head = {"mmasim": importlib.metadata.version("mmasim"), "torch": torch.__version__, "chunk": CHUNK}
    lines = ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows)
    pathlib.Path(__file__).with_name("sweep.json").write_text(json.dumps(head)[:-1] + ', "families": [\n' + lines + "\n]}\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--chunk", nargs=2, type=int, metavar=("SEED", "CHUNK"))
    args = p.parse_args()
    all_families = [Family(seed, *row) for seed, row in enumerate(families(), start=1)]
    if args.chunk:
        f = all_families[args.chunk[0] - 1]
        width = 4 if f.out == "f16" else 8
        print("\n".join(f"{w:0{width}x}" for w in f.chunk(args.chunk[1], f.ops[0][1])))
    else:
        write(all_families)


main()
