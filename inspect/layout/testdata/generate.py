"""Golden vectors for the layouts, written to golden.json beside this file.

    pip install torch==2.14.0 torchao==0.18.0 numpy
    pip install --no-deps flashinfer-python==0.7.2.post1 comfy-kitchen==0.2.40
    pip install apache-tvm-ffi==0.1.15.post2 einops requests tabulate

Runs without a GPU. "library" says whose functions made a case; "restated" are
formulations of our own, by another road than the digits of the Go code, for
kernels that run on a GPU alone.
"""
import json
import os
import zlib
from importlib.metadata import version

import numpy as np
import torch
from comfy_kitchen import float_utils as comfy
from flashinfer import utils as fi
from flashinfer.fused_moe import core as fi_moe
from flashinfer.gemm import gemm_bf16_fp4_cute_dsl as fi_gemm
from torchao.prototype.mx_formats.utils import to_blocked

CASES = []


def pattern(n):
    """n bytes that any language makes: the top byte of i times an odd number."""
    i = np.arange(n, dtype=np.uint64)
    return ((i * 2654435761 & 0xFFFFFFFF) >> 24).astype(np.uint8)


def matrix(rows, cols, dtype=np.uint8):
    return pattern(rows * cols * np.dtype(dtype).itemsize).view(dtype).reshape(rows, cols)


def unpacked(rows, k):
    """The nibbles [rows, k] of a packed matrix, low nibble first."""
    b = matrix(rows, k // 2)
    return np.stack([b & 15, b >> 4], -1).reshape(rows, k)


def packed(nibbles):
    n = np.ascontiguousarray(nibbles).reshape(-1, 2)
    return (n[:, 0] | n[:, 1] << 4).astype(np.uint8)


def case(name, of, rows, cols, bits, out, source):
    out = np.ascontiguousarray(out).view(np.uint8).reshape(-1)
    CASES.append({"name": name, "of": of, "rows": rows, "cols": cols, "bits": bits, "source": source,
                  "bytes": int(out.size), "crc32": f"{zlib.crc32(out.tobytes()):08x}", "head": out[:32].tobytes().hex()})


def padded(a, rows, cols):
    up = lambda n, m: -(-n // m) * m
    return np.pad(a, ((0, up(a.shape[0], rows) - a.shape[0]), (0, up(a.shape[1], cols) - a.shape[1])))


def blocked(a):
    return to_blocked(torch.from_numpy(np.ascontiguousarray(a))).numpy()


def library():
    for n, k in ((128, 64), (256, 32), (384, 96)):
        t = torch.from_numpy(matrix(n, k // 2))
        sf = torch.from_numpy(matrix(n, k // 16))
        for tile in (128, 64):
            case(f"shuffle{tile}", "codes", n, k, 4, t[fi.get_shuffle_matrix_a_row_indices(t, tile)].numpy(), "flashinfer")
        case("trtllm", "scales", n, k // 16, 8, blocked(sf[fi.get_shuffle_matrix_sf_a_row_indices(sf, 128)].numpy()), "flashinfer, torchao")
        case("interleave", "codes", n, k, 4, t[fi_moe.get_reorder_rows_for_gated_act_gemm_row_indices(t)].numpy(), "flashinfer")
        swap = lambda x: torch.cat([x[n // 2:], x[: n // 2]])
        index = fi_moe._maybe_get_cached_w3_w1_permute_indices({}, t, 128)
        case("trtllm-moe", "codes", n, k, 4, swap(t)[index].numpy(), "flashinfer")
        index = fi_moe._maybe_get_cached_w3_w1_permute_indices({}, sf, 128, 16)
        case("trtllm-moe", "scales", n, k // 16, 8, blocked(swap(sf)[index].numpy()), "flashinfer, torchao")
    for r, c in ((1, 1), (128, 4), (129, 5), (300, 17), (464, 90), (32, 3)):
        sf = matrix(r, c)
        case("128x4", "scales", r, c, 8, blocked(sf), "torchao")
        case("torchao", "scales", r, c, 8, blocked(sf), "torchao")
        case("comfyui", "scales", r, c, 8, comfy.to_blocked(torch.from_numpy(sf)).numpy(), "comfy-kitchen")
    for n, k in ((16, 32), (17, 34), (100, 70)):
        q = torch.from_numpy(padded(unpacked(n, k), 16, 16))
        case("comfyui", "codes", n, k, 4, comfy.pack_uint4(q).numpy(), "comfy-kitchen")
    for n, k in ((64, 16), (128, 64), (192, 48)):
        b = torch.from_numpy(matrix(n, k // 2))
        case("mm_bf16_fp4", "codes", n, k, 4, fi_gemm._cute_dsl_pack_fp4_weight(b.t().contiguous()).numpy(), "flashinfer")
        sf = torch.from_numpy(blocked(matrix(n, k // 16)))
        _, got, _ = fi_gemm._prepare_cute_dsl_sm12x(b, sf, None, 16)
        want = fi_gemm._e4m3_to_s0e5m3(torch.from_numpy(np.ascontiguousarray(matrix(n, k // 16).T)))
        assert torch.equal(got, want)
        case("mm_bf16_fp4", "scales", n, k // 16, 8, matrix(n, k // 16).T, "flashinfer")


def restated():
    for r, c in ((8, 4), (9, 5), (31, 90)):
        p = padded(matrix(r, c), 8, 4)
        out = np.zeros(p.size, np.uint8)
        for i in range(p.shape[0]):
            for j in range(p.shape[1]):
                out[(i // 8 * (p.shape[1] // 4) + j // 4) * 32 + i % 8 * 4 + j % 4] = p[i, j]
        case("8x4", "scales", r, c, 8, out, "restated")
    for n, k in ((128, 32), (256, 64)):
        t = matrix(n, k // 2)
        case("group64", "codes", n, k, 4, t.reshape(2, n // 128, 64, -1).transpose(1, 0, 2, 3), "restated")
        case("group32", "codes", n, k, 4, t.reshape(2, n // 64, 32, -1).transpose(1, 0, 2, 3), "restated")
        case("deinterleave", "codes", n, k, 4, np.concatenate([t[0::2], t[1::2]]), "restated")
    marlin()
    triton()
    nunchaku()
    sm90()


def marlin():
    """By Marlin's 1024-element permutation of rows of 16×16 tiles."""
    perm = []
    for lane in range(32):
        ks = [2 * (lane % 4) + d for d in (0, 1, 8, 9)]
        perm.append([16 * k + lane // 4 + half for half in (0, 8) for k in ks])
    perm = np.array([[256 * tile + p for p in lane] for tile in range(4) for lane in perm])[:, [0, 2, 4, 6, 1, 3, 5, 7]].reshape(-1)
    tiles = perm.reshape(4, 32, 8)  # [tile of 16 rows, lane, nibble]; a lane's four words are neighbours
    order = tiles.transpose(1, 0, 2).reshape(-1)
    for n, k in ((64, 16), (100, 64), (256, 48)):
        q = padded(unpacked(n, k), 64, 16).T  # [K, N]
        kk, nn = q.shape
        rows = q.reshape(kk // 16, 16, nn // 16, 16).transpose(0, 2, 1, 3).reshape(kk // 16, nn // 64, 1024)
        case("marlin", "codes", n, k, 4, packed(rows[:, :, order]), "restated")
    many = [i + 8 * j for i in range(8) for j in range(8)]
    one = [2 * i + j for i in range(4) for j in (0, 1, 8, 9, 16, 17, 24, 25)]
    for n, g in ((64, 1), (100, 4), (256, 3)):
        s = padded(matrix(n, g), 64, 1).T.copy()
        s = s.reshape(-1, 64)[:, many] if g > 1 else s.reshape(-1, 32)[:, one]
        case("marlin", "scales", n, g, 8, s.reshape(-1, 4)[:, [0, 2, 1, 3]], "restated")
        b = padded(matrix(n, 1, np.uint16), 64, 1)
        case("marlin", "vector", n, 1, 16, b.reshape(-1, 32)[:, one], "restated")


def triton():
    for r, c in ((128, 8), (100, 90), (300, 3)):
        p = padded(matrix(r, c), 128, 8)
        case("triton-blackwell", "scales", r, c, 8, p.reshape(p.shape[0] // 128, 4, 32, p.shape[1] // 4, 4).swapaxes(1, 3), "restated")
        for w in (4, 8):
            for pad, suffix in ((2, ""), (4, "-k4")):
                p = padded(matrix(r, c), 32 * w, pad)
                n, k = p.shape
                want, p = p, p.reshape(n // (32 * w), 2, w, 2, 8, k // 2, 2).transpose(0, 2, 5, 1, 4, 6, 3)
                back = p.reshape(n // 32 // w, w, k // 2, 2, 8, 2, 2).transpose(0, 3, 1, 6, 4, 2, 5).reshape(n, k)
                assert (back == want).all(), "the kernel's own unswizzle"
                case(f"triton-hopper-{w}w{suffix}", "scales", r, c, 8, p, "restated")
    for name, rows, cols in (("triton-hopper", 256, 64), ("triton-hopper-64", 64, 64), ("triton-hopper-16", 16, 32)):
        for n, k in ((16, 64), (100, 96), (256, 192)):
            p = padded(matrix(n, k // 2), rows, cols)
            m, kb = p.shape
            want, p = p, p.reshape(m // 16, 1, 2, 4, 2, 1, kb // 32, 4, 2, 4, 1, 1).transpose(0, 3, 6, 10, 4, 9, 7, 1, 8, 2, 5, 11)
            back = p.reshape(m // 16, 4, kb // 32, 2, 4, 8, 2).transpose(0, 6, 1, 3, 2, 5, 4).reshape(m, kb)
            assert (back == want).all(), "the kernel's own unshuffle"
            case(name, "codes", n, k, 4, spread(p), "restated")


def spread(b):
    """Four bytes to a word, bit by bit of the comment in triton_kernels."""
    b = np.ascontiguousarray(b).reshape(-1, 4).astype(np.uint32)
    out = np.zeros(len(b), np.uint32)
    for i in range(4):
        for half in (0, 16):
            x = b[:, i] >> (half // 4) & 15
            for bit in range(4):
                to = (8 + (bit == 3) * 7 - (2 - bit) * (bit < 3) - 3 * i) if i < 3 else (13, 10, 11, 14)[bit]
                out |= (x >> bit & 1) << np.uint32(to + half)
    return out


def nunchaku():
    for n, k in ((128, 128), (100, 96), (256, 384)):
        p = padded(unpacked(n, k), 128, 128)
        nn, kk = p.shape
        out = np.zeros(p.size, np.uint8)
        i, j = np.meshgrid(np.arange(nn), np.arange(kk), indexing="ij")
        nt, np_, ns, nl = i // 128, i % 128 // 16, i % 16 // 8, i % 8
        kt, ks, kl, r = j // 64, j % 64 // 32, j % 32 // 8, j % 8
        out[(((((nt * (kk // 64) + kt) * 8 + np_) * 8 + nl) * 4 + kl) * 2 + ns) * 16 + ks * 8 + r] = p
        case("nunchaku", "codes", n, k, 4, packed(out), "restated")
        s = padded(matrix(n, k // 16), 128, 8)
        out = np.zeros(s.size, np.uint8)
        i, g = np.meshgrid(np.arange(nn), np.arange(s.shape[1]), indexing="ij")
        out[((((i // 128 * (kk // 64) + g // 4) * 8 + i % 8) * 4 + i % 32 // 8) * 4 + i % 128 // 32) * 4 + g % 4] = s
        case("nunchaku", "scales", n, k // 16, 8, out, "restated")
        v = padded(matrix(n, 1, np.uint16), 128, 1)
        case("nunchaku", "vector", n, 1, 16, v.reshape(-1, 2, 4, 2).transpose(0, 2, 1, 3), "restated")
    for c, r in ((16, 16), (128, 32), (40, 24)):
        up = padded(matrix(c, r, np.uint16), 16, 16)
        tiles = lambda t: t.reshape(t.shape[0] // 16, 2, 8, t.shape[1] // 16, 2, 4, 2)
        case("nunchaku-up", "low-rank", c, r, 16, tiles(up).transpose(0, 3, 2, 5, 1, 4, 6), "restated")
        down = padded(matrix(r, c, np.uint16), 16, 16)
        case("nunchaku-down", "low-rank", r, c, 16, tiles(down).transpose(3, 0, 2, 5, 1, 4, 6), "restated")


def sm90():
    for n, k in ((64, 128), (128, 256)):
        s = matrix(n, k // 32)
        case("cutlass-sm90", "scales", n, k // 32, 8, s.reshape(n // 64, 4, 16, k // 128, 4).transpose(0, 3, 2, 1, 4), "restated")
        w = matrix(n, k // 2)
        out = np.zeros((n, k // 8), np.uint32)
        for row in (r for r in range(n) if r % 16 < 8):
            for part in range(k // 64):
                for lane in range(16):
                    mma, col = lane // 4, part * 32 + lane // 4 * 8 + lane % 4
                    four = np.array([w[row, col], w[row + 8, col], w[row, col + 4], w[row + 8, col + 4]])
                    out[row + mma % 2 * 8, part * 8 + lane // 8 * 4 + lane % 4] = spread(four)[0]
        case("cutlass-sm90", "codes", n, k, 4, out, "restated")


def scale_bytes():
    """S0E5M3 of every E4M3 byte: flashinfer's own, and vLLM's steps in torch; E8M0 bytes by way of a 16-bit dtype."""
    every = torch.arange(256, dtype=torch.uint8)
    half = every.view(torch.float8_e4m3fn).to(torch.float16)
    table = {"flashinfer": fi_gemm._e4m3_to_s0e5m3(every).numpy().tobytes().hex()}
    for factor in (1, 2, 4, 8):
        x = ((half.float() * factor).to(torch.float16) * 2**7).view(torch.int16) << 1
        table[f"marlin x{factor}"] = x.view(torch.uint8).reshape(-1, 2)[:, 1].numpy().tobytes().hex()
    e8m0 = every.view(torch.float8_e8m0fnu)
    for name, dtype in (("bfloat16", torch.bfloat16), ("binary16", torch.float16)):
        table[f"e8m0 {name}"] = e8m0.to(dtype).to(torch.float8_e8m0fnu).view(torch.uint8).numpy().tobytes().hex()
    return table


library()
restated()
names = ("torch", "torchao", "flashinfer-python", "comfy-kitchen", "numpy")
golden = {"versions": {n: version(n) for n in names}, "scales": scale_bytes(), "cases": CASES}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as f:
    lines = ",\n".join(json.dumps(c) for c in CASES)
    head = json.dumps({k: golden[k] for k in ("versions", "scales")}, indent=1)
    f.write(head[:-2] + ',\n "cases": [\n' + lines + "\n]}\n")
