# What bench.py compares with: the weight dequantized by torch.compile and multiplied by
# cuBLAS, and a W4A16 kernel in Triton with its best configuration.
import torch, triton
import triton.language as tl

E2M1 = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6])


@torch.compile
def dequantized(codes, scales, lut):
    n = codes.shape[0]
    pair = torch.stack((lut[(codes & 15).int()], lut[(codes >> 4).int()]), -1)
    return (pair.view(n, -1, 16) * scales.view(torch.float8_e4m3fn).float()[:, :, None]).view(n, -1).bfloat16()


def dequantize_matmul(layer, x):
    lut = E2M1.to(x.device)
    return lambda: x @ dequantized(layer.codes, layer.scales, lut).T


def configs():
    for n in (16, 32, 64):
        for k in (128, 256):
            for split in (1, 4):
                for warps in (4, 8):
                    for stages in (3, 5):
                        for narrow in (False, True) if stages == 3 else (True,):
                            yield triton.Config({"N_TILE": n, "K_TILE": k, "SPLIT": split, "NARROW": narrow}, num_warps=warps, num_stages=stages)


def few(all_configs, named, **_):
    """What fits and makes sense: enough blocks, not too much in registers."""
    return [c for c in all_configs if c.kwargs["N_TILE"] * c.kwargs["K_TILE"] // c.num_warps <= 4096
            and 132 <= named["N"] // c.kwargs["N_TILE"] * c.kwargs["SPLIT"] <= 4096]


@triton.jit
def decode(code):
    # E2M1 to float32 by its bits: the exponent moves up, 0.5 is subnormal
    bits = ((code & 8).to(tl.uint32) << 28) | ((code & 7).to(tl.uint32) << 22)
    return bits.to(tl.float32, bitcast=True) * 8.507059173023462e37  # 2^126


@triton.jit
def decode_narrow(code):
    # the same in bf16, 2^126 too small: scales and x make up for it
    bits = ((code & 8).to(tl.uint16) << 12) | ((code & 7).to(tl.uint16) << 6)
    return bits.to(tl.bfloat16, bitcast=True)


@triton.autotune(configs=list(configs()), key=["N", "K"], prune_configs_by={"early_config_prune": few}, reset_to_zero=["y"])
@triton.jit
def kernel(x, codes, scales, y, M, N, K, N_TILE: tl.constexpr, K_TILE: tl.constexpr, SPLIT: tl.constexpr, NARROW: tl.constexpr):
    n = tl.program_id(0) * N_TILE + tl.arange(0, N_TILE)
    m = tl.arange(0, 16)
    length = K // SPLIT
    first = tl.program_id(1) * length
    acc = tl.zeros((16, N_TILE), tl.float32)
    half = tl.arange(0, K_TILE // 2)
    for k in range(first, first + length, K_TILE):
        byte = tl.load(codes + n[:, None] * (K // 2) + (k // 2 + half)[None, :])
        group = tl.arange(0, K_TILE // 16)
        s = tl.load(scales + n[:, None] * (K // 16) + (k // 16 + group)[None, :]).to(tl.float8e4nv, bitcast=True).to(tl.float32)
        s = tl.reshape(tl.broadcast_to(s[:, :, None], (N_TILE, K_TILE // 16, 8)), (N_TILE, K_TILE // 2))
        if NARROW:
            t = (s * 3.3230699894622897e35).to(tl.bfloat16)  # 2^118
            low, high = decode_narrow(byte & 15) * t, decode_narrow(byte >> 4) * t
        else:
            low, high = (decode(byte & 15) * s).to(tl.bfloat16), (decode(byte >> 4) * s).to(tl.bfloat16)
        at = x + m[:, None] * K + (k + 2 * half)[None, :]
        even = tl.load(at, mask=m[:, None] < M, other=0.0)
        odd = tl.load(at + 1, mask=m[:, None] < M, other=0.0)
        acc = tl.dot(even, tl.trans(low), acc)
        acc = tl.dot(odd, tl.trans(high), acc)
    if NARROW:
        acc = acc * 256.0
    to = y + m[:, None] * N + n[None, :]
    if SPLIT == 1:
        tl.store(to, acc, mask=m[:, None] < M)
    else:
        tl.atomic_add(to, acc, mask=m[:, None] < M)


def triton_w4a16(layer, x, want):
    """The sum of slices is atomic, and y is cleared outside of what is timed."""
    m, (n, k) = x.shape[0], (layer.n, layer.k)
    y = torch.zeros(m, n, dtype=torch.float32, device=x.device)

    def run():
        kernel[lambda c: (n // c["N_TILE"], c["SPLIT"])](x, layer.codes, layer.scales, y, m, n, k)

    run()
    y.zero_()
    run()
    if want is not None:
        error = ((y.double() - want).norm() / want.norm()).item()
        assert error < 1e-2, f"Triton's product is off by {error}"
        print("Triton:", kernel.best_config, flush=True)
    return run
