# What w4a16 and emu-fp4 take on a Hopper GPU, beside cuBLAS, in one run.
#
#   python3 cuda/bench/bench.py [--quick] [--rounds N]      in the repository's root
#
# Needs torch, triton, numpy and cupy of CUDA 13 and a GPU of sm_90. Sizes, and which kernel
# package cuda takes for each and how it launches it, are in launches.csv. Every time is
# the median of event-timed launches; before each a buffer larger than L2 is written, so that
# weights come from memory. The byte floor of a product is its codes, scales, x and y once
# each, at the bandwidth that a large copy reaches in the same run.
import argparse, csv, ctypes, os, statistics, sys
import cupy, numpy, torch

ARGS = ["x", "xScales", "w", "wScales", "y", "lut", "alpha", "bias", "rows", "n", "k", "alphas", "block", "e8m0", "alphaPlace", "biasPlace", "out", "l", "f", "eZero"]
E2M1 = [0, .5, 1, 1.5, 2, 3, 4, 6]
here = os.path.dirname(os.path.abspath(__file__))
device = torch.device("cuda")
driver = ctypes.CDLL("libcuda.so.1")


def launches():
    """The rows of launches.csv, numbers as such. Exits where the GPU has other multiprocessors."""
    with open(os.path.join(here, "launches.csv")) as f:
        rows = [{k: int(v) if v.isdigit() else v for k, v in row.items()} for row in csv.DictReader(f)]
    have = torch.cuda.get_device_properties(0).multi_processor_count
    if any(row["multiprocessors"] != have for row in rows):
        sys.exit(f"launches.csv is of {rows[0]['multiprocessors']} multiprocessors, this GPU has {have}: TestBenchLaunches of package cuda writes it")
    return rows


class Timer:
    """Two ways to time. `alone`: one launch between two events, after a buffer larger than L2
    was written. `running`: a graph of launches on several layers one after another, replayed,
    per launch: no launch gap, nothing of a layer is in L2 when its turn comes. Overlapping
    launches keep their overlap there."""

    def __init__(self, rounds):
        self.rounds, self.flush = rounds, torch.empty(256 << 20, dtype=torch.uint8, device=device)

    def alone(self, run, rounds=None):
        for _ in range(3):
            run()
        return statistics.median(self.once(run) for _ in range(rounds or self.rounds))

    def once(self, run):
        self.flush.zero_()
        return elapsed(run)

    def running(self, runs):
        for run in runs:
            run()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for run in runs:
                run()
        graph.replay()
        return statistics.median(elapsed(graph.replay) for _ in range(self.rounds // 2)) / len(runs)

    def bandwidth(self):
        n = 1 << 30
        a, b = torch.empty(n, dtype=torch.uint8, device=device), torch.empty(n, dtype=torch.uint8, device=device)
        return 2 * n / self.alone(lambda: b.copy_(a), 11) * 1e6


def elapsed(run):
    """Microseconds between two events."""
    a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    a.record()
    run()
    b.record()
    b.synchronize()
    return a.elapsed_time(b) * 1000


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
        self.packed = torch.empty(n * k // 2 + n * k // 16, dtype=torch.uint8, device=device)
        pack = module.get_function("w4a16_pack")
        p = [numpy.int64(v.data_ptr()) for v in (self.codes, self.scales, self.packed)]
        pack((n * k // 8 // 256 + 1,), (256,), (*p, numpy.int64(n), numpy.int64(k), numpy.int64(16)))

    def dense(self):
        lut = torch.tensor(E2M1 + [-v for v in E2M1], device=device)
        w = torch.empty(self.n, self.k, device=device)
        w[:, 0::2], w[:, 1::2] = lut[(self.codes & 15).int()], lut[(self.codes >> 4).int()]
        s = e4m3_values().to(device)[self.scales.int()]
        return (w.view(self.n, -1, 16) * s[:, :, None]).view(self.n, self.k).bfloat16()


def args_of(**fields):
    return torch.from_numpy(numpy.array([fields.get(f, 0) for f in ARGS], dtype=numpy.int64)).to(device)


class W4A16:
    """The kernel and launch of a row of launches.csv, on a layer and x."""

    def __init__(self, module, row, layer, x):
        m, n, k = row["m"], row["n"], row["k"]
        self.layer, self.name = layer, row["shape"]
        # The kernel's scales are 2^118 larger than they are, and its x 2^8: shiftOf in kernels.go.
        self.x = x * 256
        s = (e4m3_values() * 2.0**118).bfloat16().view(torch.int16).int() & 0xffff
        self.lut = (s | s << 16).to(torch.int32).to(device)
        self.alpha = torch.tensor([1.0], device=device)
        self.y = torch.full((m, n), float("nan"), dtype=torch.bfloat16, device=device)
        self.args = args_of(x=self.x.data_ptr(), w=layer.packed.data_ptr(), y=self.y.data_ptr(),
                            lut=self.lut.data_ptr(), alpha=self.alpha.data_ptr(), rows=m, n=n, k=k, alphas=1, block=16, out=1)
        params = (self.args.data_ptr(), 0, m) # of wide
        if row["kernel"].startswith("stream"):
            params = (self.args.data_ptr(), self.lut.data_ptr(), layer.packed.data_ptr(), self.x.data_ptr(), n, k, 0, m,
                      row["each"], row["extra"], row["most"], self.y.data_ptr(), self.alpha.data_ptr(), 1)
        self.launch(module.get_function(row["kernel"]), row["blocks"], row["threads"], row["shared"], *params)

    def launch(self, f, grid, threads, shared, *params):
        f.max_dynamic_shared_size_bytes = shared
        self.f, self.grid, self.threads, self.shared, self.params = f, grid, threads, shared, tuple(numpy.int64(p) for p in params)

    def __call__(self):
        with cupy.cuda.Stream.from_external(torch.cuda.current_stream()):
            self.f((self.grid,), (self.threads,), self.params, shared_mem=self.shared)


class Attribute(ctypes.Structure): # CUlaunchAttribute
    _fields_ = [("id", ctypes.c_int), ("pad", ctypes.c_int), ("value", ctypes.c_int * 16)]


class Config(ctypes.Structure): # CUlaunchConfig
    _fields_ = [(f, ctypes.c_uint) for f in ("x", "y", "z", "blockX", "blockY", "blockZ", "shared")] + [
        ("stream", ctypes.c_void_p), ("attributes", ctypes.POINTER(Attribute)), ("count", ctypes.c_uint)]


class Overlapping:
    """A launch that may begin while the one before it ends (programmatic stream serialization):
    the kernel reads x and writes y after that one's end, and loads its weight before."""

    def __init__(self, product):
        self.product, params = product, product.params
        self.values = (ctypes.c_longlong * len(params))(*(int(v) for v in params))
        self.at = (ctypes.c_void_p * len(params))(*(ctypes.addressof(self.values) + 8 * i for i in range(len(params))))
        self.attribute = Attribute(id=6)
        self.attribute.value[0] = 1

    def __call__(self):
        p = self.product
        c = Config(p.grid, 1, 1, p.threads, 1, 1, p.shared, torch.cuda.current_stream().cuda_stream, ctypes.pointer(self.attribute), 1)
        code = driver.cuLaunchKernelEx(ctypes.byref(c), ctypes.c_void_p(p.f.kernel.ptr), self.at, None)
        assert code == 0, f"cuLaunchKernelEx: {code}"


# What reading the weight alone takes, by copies of 16 bytes a thread into a ring of five stages a warp. L2 gives up first
# what it has read, as with w4a16: the dirty lines of others stay where they are.
READER = r"""
extern "C" __global__ void __launch_bounds__(512, 1) reader(const char *from, long long pieces) {
  extern __shared__ char shared[];
  const int lane = threadIdx.x % 32;
  const unsigned ring = (unsigned)__cvta_generic_to_shared(shared) + threadIdx.x / 32 * 5 * 2048 + lane * 16;
  const long long stride = gridDim.x * 16LL;
  unsigned long long policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0;" : "=l"(policy));
  int stage = 0;
  auto ask = [&](long long piece, int stage) {
    if (piece < pieces)
      for (int i = 0; i < 4; i++)
        asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;" ::"r"(ring + stage * 2048 + i * 512), "l"(from + piece * 2048 + i * 512 + lane * 16), "l"(policy) : "memory");
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  const long long first = blockIdx.x * 16 + threadIdx.x / 32;
  for (int s = 0; s < 5; s++) ask(first + s * stride, s);
  for (long long piece = first; piece < pieces; piece += stride) {
    asm volatile("cp.async.wait_group 4;" ::: "memory");
    ask(piece + 5 * stride, stage);
    stage = (stage + 1) % 5;
  }
}
"""


def reader(layer):
    f = cupy.RawKernel(READER, "reader", options=("-std=c++17",))
    f.max_dynamic_shared_size_bytes = 16 * 5 * 2048
    mps = torch.cuda.get_device_properties(0).multi_processor_count

    def run():
        with cupy.cuda.Stream.from_external(torch.cuda.current_stream()):
            f((mps,), (512,), (numpy.int64(layer.packed.data_ptr()), numpy.int64(layer.packed.numel() // 2048)), shared_mem=16 * 5 * 2048)

    return run


def emulator(module, m, n, k, timer):
    """emu-fp4 on random operands; its words are the tests' business."""
    g = torch.Generator().manual_seed(9)
    codes = [torch.randint(0, 256, (r, k // 2), dtype=torch.uint8, generator=g).to(device) for r in (m, n)]
    scales = [torch.randint(0x28, 0x48, (r, k // 16), dtype=torch.uint8, generator=g).to(device) for r in (m, n)]
    y, alpha = torch.empty(m, n, device=device), torch.tensor([1.0], device=device)
    args = args_of(x=codes[0].data_ptr(), xScales=scales[0].data_ptr(), w=codes[1].data_ptr(), wScales=scales[1].data_ptr(), y=y.data_ptr(),
                   alpha=alpha.data_ptr(), rows=m, n=n, k=k, alphas=1, block=16)
    f = module.get_function("emu_fp4")
    return timer.alone(lambda: f(((n + 31) // 32, (m + 63) // 64), (256,), (numpy.int64(args.data_ptr()), numpy.int64(0), numpy.int64(m))))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--quick", action="store_true", help="without torch.compile and Triton")
    ap.add_argument("--rounds", type=int, default=51)
    o = ap.parse_args()
    modules = {name: cupy.RawModule(path=os.path.join(here, "..", "kernels", name + ".fatbin")) for name in ("kernels", "hopper")}
    rows = launches()
    timer = Timer(o.rounds)
    bandwidth = timer.bandwidth()
    print(f"{torch.cuda.get_device_name(0)}, torch {torch.__version__}, copy {bandwidth / 1e12:.2f} TB/s, median of {o.rounds}; µs alone / in a graph of layers / in one whose launches overlap")
    print("| M,N,K | byte floor | reading alone | w4a16 | of floor | shape | cuBLAS bf16 | dequantize + matmul | Triton W4A16 | error |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    last = None
    for row in rows:
        m, n, k = row["m"], row["n"], row["k"]
        if last != (n, k):
            layers = [Layer(modules["kernels"], n, k, seed) for seed in range(6)]
            dense = [l.dense() for l in layers[:3]]
            last = (n, k)
        x = torch.randn(m, k, generator=torch.Generator().manual_seed(m)).bfloat16().to(device)
        ours = [W4A16(modules["hopper"], row, l, x) for l in layers]
        ours[0]()
        want = x.double() @ dense[0].double().T if m <= 128 else (x @ dense[0].T).double()
        error = ((ours[0].y.double() - want).norm() / want.norm()).item()
        floor = (n * k * 0.5625 + m * k * 2 + m * n * 2) / bandwidth * 1e6
        both = lambda runs: (timer.alone(runs[0]), timer.running(runs))
        mine, blas = both(ours), both([lambda d=d: x @ d.T for d in dense])
        if m <= 16:
            mine += (timer.running([Overlapping(o) for o in ours]),)
        read = both([reader(l) for l in layers]) if m == 1 else None
        dq = tr = None
        if not o.quick and m in (1, 16, 4096):
            import rivals
            dq = both([rivals.dequantize_matmul(l, x) for l in layers])
            if m <= 16 and n == 14336:
                tr = both([rivals.triton_w4a16(l, x, want if l is layers[0] else None) for l in layers])
        show = lambda v: " / ".join(f"{t:.1f}" for t in v) if v else "–"
        print(f"| {m},{n},{k} | {floor:.1f} | {show(read)} | {show(mine)} | {' / '.join(f'{floor / t:.0%}' for t in mine)} | {ours[0].name} | {show(blas)} | {show(dq)} | {show(tr)} | {error:.1e} |", flush=True)
        del ours, want
    for m, n, k in [(16, 14336, 4096), (1024, 4096, 4096), (4096, 4096, 4096)]:
        t = emulator(modules["kernels"], m, n, k, timer)
        a, b = torch.randn(m, k, device=device, dtype=torch.bfloat16), torch.randn(n, k, device=device, dtype=torch.bfloat16)
        blas = timer.alone(lambda: a @ b.T)
        print(f"emu-fp4 {m},{n},{k}: {t:.0f} µs, {m * n * k / t / 1e6:.2f} T multiply-adds/s; cuBLAS bf16 {blas:.0f} µs, {t / blas:.0f} times as fast", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, here)
    main()
