"""The functions of flashinfer that the bridge calls, of a flashinfer whose preparation changes
the first byte alone, and whose kernel returns what it was given: in row 0 of its output the
first codes of the weight, in row 1 its first scales, as the low bytes of bf16 words."""
import torch


def changed(t):
    data = bytearray(t.data)
    data[0] ^= 0xFF
    return torch.Tensor(data, t.dtype, t.shape)


def shuffle_matrix_a(w, tile):
    assert tile == 128
    return changed(w)


def shuffle_matrix_sf_a(s, tile, block):
    assert (tile, block) == (128, 16)
    return changed(s)


def block_scale_interleave(s):
    rows, cols = -(-s.shape[0] // 128) * 128, -(-s.shape[1] // 4) * 4
    return torch.Tensor(bytearray(s.data).ljust(rows * cols, b"\0"), s.dtype, (rows * cols,))


def mm_fp4(x, w, sx, sw, alpha, dtype, out, block_size, use_8x4_sf_layout, backend):
    assert block_size == 16 and not use_8x4_sf_layout and dtype == out.dtype
    m, n = out.shape
    for row, operand in enumerate([w, sw][:m]):
        for i in range(n):
            at = 2 * (row * n + i)
            out.data[at : at + 2] = bytes([operand.data[i], 0x3F])
