# What the kernels of kernels.fatbin take on a GPU, beside cuBLAS, in one run.
#
#   python3 cuda/bench/bench.py [--quick] [--rounds N]      in the repository's root
#
# Needs torch, triton, numpy and cupy of CUDA 13 and a GPU of sm_80 or later. Every time is
# the median of event-timed launches; before each a buffer larger than L2 is written, so that
# weights come from memory. The byte floor of a product is its codes, scales, x and y once
# each, at the bandwidth that a large copy reaches in the same run.
import argparse, os, statistics, sys
import cupy, numpy, torch

ARGS = ["x", "xScales", "w", "wScales", "y", "lut", "alpha", "bias", "rows", "n", "k", "alphas", "block", "e8m0", "alphaPlace", "biasPlace", "out", "l", "f", "eZero"]
E2M1 = [0, .5, 1, 1.5, 2, 3, 4, 6]
here = os.path.dirname(os.path.abspath(__file__))
device = torch.device("cuda")


class Timer:
    def __init__(self, rounds):
        self.rounds, self.flush = rounds, torch.empty(256 << 20, dtype=torch.uint8, device=device)

    def micros(self, run):
        for _ in range(3):
            run()
        times = []
        for _ in range(self.rounds):
            self.flush.zero_()
            a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            a.record()
            run()
            b.record()
            b.synchronize()
            times.append(a.elapsed_time(b) * 1000)
        return statistics.median(times)

    def bandwidth(self):
        n = 1 << 30
        a, b = torch.empty(n, dtype=torch.uint8, device=device), torch.empty(n, dtype=torch.uint8, device=device)
        return 2 * n / self.micros(lambda: b.copy_(a)) * 1e6


def e4m3_values():
    b = torch.arange(256, dtype=torch.uint8)
    return b.view(torch.float8_e4m3fn).float()


class Layer:
    """A random NVFP4 layer, as rows and packed."""

    def __init__(self, module, n, k, seed):
        g = torch.Generator().manual_seed(seed)
        self.n, self.k = n, k
        self.codes = torch.randint(0, 256, (n, k // 2), dtype=torch.uint8, generator=g).to(device)
        self.scales = torch.randint(0x28, 0x48, (n, k // 16), dtype=torch.uint8, generator=g).to(device)
        self.words = torch.empty(n * k // 2, dtype=torch.uint8, device=device)
        self.packed_scales = torch.empty(n * k // 16, dtype=torch.uint8, device=device)
        pack = module.get_function("w4a16_pack")
        p = [numpy.int64(v.data_ptr()) for v in (self.codes, self.scales, self.words, self.packed_scales)]
        pack((n * k // 8 // 256 + 1,), (256,), (*p, numpy.int64(n), numpy.int64(k), numpy.int64(16)))

    def dense(self, table=None):
        lut = torch.tensor(E2M1 + [-v for v in E2M1], device=device)
        w = torch.empty(self.n, self.k, device=device)
        w[:, 0::2], w[:, 1::2] = lut[(self.codes & 15).int()], lut[(self.codes >> 4).int()]
        s = e4m3_values().to(device)[self.scales.int()]
        return (w.view(self.n, -1, 16) * s[:, :, None]).view(self.n, self.k).bfloat16()


def args_of(**fields):
    return torch.from_numpy(numpy.array([fields.get(f, 0) for f in ARGS], dtype=numpy.int64)).to(device)


class W4A16:
    """One of our shapes on a layer and x."""

    def __init__(self, module, layer, x, variant=None):
        m, n, k = x.shape[0], layer.n, layer.k
        mps = torch.cuda.get_device_properties(0).multi_processor_count
        self.x, self.layer = x, layer
        # The kernel's scales are 2^118 larger than they are, and its x 2^8: shiftOf in kernels.go.
        self.shifted = x * 256
        s = (e4m3_values() * 2.0**118).bfloat16().view(torch.int16).int() & 0xffff
        self.lut = (s | s << 16).to(torch.int32).to(device)
        self.alpha = torch.tensor([1.0], device=device)
        self.y = torch.full((m, n), float("nan"), dtype=torch.bfloat16, device=device)
        self.args = args_of(x=self.shifted.data_ptr(), w=layer.words.data_ptr(), wScales=layer.packed_scales.data_ptr(), y=self.y.data_ptr(),
                            lut=self.lut.data_ptr(), alpha=self.alpha.data_ptr(), rows=m, n=n, k=k, alphas=1, block=16, out=1)
        at = numpy.int64(self.args.data_ptr())
        if m <= 16 and variant is None:
            step = 8 if m <= 8 else 16
            shared, far = 4 * 16 * step * 64 + 1024, 4 * 16 * step * 64 + 1024 + step * k * 2 > 232448
            if not far:
                shared += step * k * 2
            f = module.get_function(f"w4a16_nv_{step}" + "_far" * far)
            f.max_dynamic_shared_size_bytes = shared
            self.packed = torch.empty(16 * k, dtype=torch.bfloat16, device=device)
            order = module.get_function("w4a16_order")
            self.launches = []
            for r in range(0, m, step):
                p = (at, numpy.int64(self.packed.data_ptr()), numpy.int64(r), numpy.int64(min(step, m - r)))
                more = tuple(numpy.int64(v) for v in (layer.words.data_ptr(), layer.packed_scales.data_ptr(), n, k))
                if far:
                    self.launches.append((order, (k // 8 // 64 + 1,), 64, p, 0))
                self.launches.append((f, (min(mps, (n + 15) // 16),), 512, p + more, shared))
            self.name = f"{step}" + "_far" * far
        else:
            rows, cols = variant or ((64, 128) if m <= 64 else (128, 256) if (m + 127) // 128 * ((n + 255) // 256) >= mps else (128, 128))
            shared = 1024 + max(4 * rows * 128, 8 * 64 * 17 * 4)
            f = module.get_function(f"w4a16_nv_{rows}x{cols}")
            f.max_dynamic_shared_size_bytes = shared
            self.launches = [(f, ((m + rows - 1) // rows, (n + cols - 1) // cols), 256, (at, numpy.int64(0), numpy.int64(m)), shared)]
            self.name = f"{rows}x{cols}"

    def __call__(self):
        stream = cupy.cuda.Stream.from_external(torch.cuda.current_stream())
        with stream:
            for f, grid, threads, p, shared in self.launches:
                f(grid, (threads,), p, shared_mem=shared)


def emulator(module, m, n, k, timer):
    """emu-fp4 on random operands; its words are the tests' business."""
    g = torch.Generator().manual_seed(9)
    codes = [torch.randint(0, 256, (r, k // 2), dtype=torch.uint8, generator=g).to(device) for r in (m, n)]
    scales = [torch.randint(0x28, 0x48, (r, k // 16), dtype=torch.uint8, generator=g).to(device) for r in (m, n)]
    y, alpha = torch.empty(m, n, device=device), torch.tensor([1.0], device=device)
    args = args_of(x=codes[0].data_ptr(), xScales=scales[0].data_ptr(), w=codes[1].data_ptr(), wScales=scales[1].data_ptr(), y=y.data_ptr(),
                   alpha=alpha.data_ptr(), rows=m, n=n, k=k, alphas=1, block=16)
    f = module.get_function("emu_fp4")
    return timer.micros(lambda: f(((n + 31) // 32, (m + 63) // 64), (256,), (numpy.int64(args.data_ptr()), numpy.int64(0), numpy.int64(m))))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--quick", action="store_true", help="without torch.compile and Triton")
    ap.add_argument("--rounds", type=int, default=51)
    o = ap.parse_args()
    module = cupy.RawModule(path=os.path.join(here, "..", "kernels", "kernels.fatbin"))
    timer = Timer(o.rounds)
    bandwidth = timer.bandwidth()
    print(f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}, copy {bandwidth / 1e12:.2f} TB/s, median of {o.rounds}")
    n, k = 14336, 4096
    print("| M,N,K | byte floor | w4a16 | of floor | shape | cuBLAS bf16 | of cuBLAS | dequantize + matmul | Triton W4A16 | error |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for m, n, k in [(1, n, k), (8, n, k), (16, n, k), (32, n, k), (64, n, k), (128, n, k), (1024, n, k), (4096, n, k), (1, k, n), (16, k, n)]:
        layer = Layer(module, n, k, 1)
        dense = layer.dense()
        x = torch.randn(m, k, generator=torch.Generator().manual_seed(m)).bfloat16().to(device)
        ours = W4A16(module, layer, x)
        ours()
        want = x.double() @ dense.double().T if m <= 128 else (x @ dense.T).double()
        error = ((ours.y.double() - want).norm() / want.norm()).item()
        bytes_ = n * k * 0.5625 + m * k * 2 + m * n * 2
        floor = bytes_ / bandwidth * 1e6
        mine, blas = timer.micros(ours), timer.micros(lambda: x @ dense.T)
        dq = tr = None
        if not o.quick:
            import rivals
            dq = timer.micros(rivals.dequantize_matmul(layer, x))
            if m <= 16:
                tr = timer.micros(rivals.triton_w4a16(layer, x, want))
        show = lambda v: f"{v:.1f} µs" if v else "–"
        print(f"| {m},{n},{k} | {show(floor)} | {show(mine)} | {floor / mine:.0%} | {ours.name} | {show(blas)} | {blas / mine:.2f}× | {show(dq)} | {show(tr)} | {error:.1e} |", flush=True)
        del dense, layer, ours, want
    for m, n, k in [(16, 14336, 4096), (1024, 4096, 4096), (4096, 4096, 4096)]:
        t = emulator(module, m, n, k, timer)
        print(f"emu-fp4 {m},{n},{k}: {t:.0f} µs, {m * n * k / t / 1e6:.2f} T multiply-adds/s")


if __name__ == "__main__":
    sys.path.insert(0, here)
    main()
