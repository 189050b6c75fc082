"""Computes fp4tui's jobs with the kernels of a Python environment.

fp4tui starts this script with the interpreter that --python names and speaks its worker
protocol with it (package exec/worker) over standard input and output. It needs the
standard library alone to start; torch and the engines are imported when a job asks for
them, so that an environment that lacks one can still say so.
"""
import collections
import ctypes
import importlib.metadata
import importlib.util
import inspect
import json
import os
import queue
import struct
import sys
import threading
import traceback

VERSION = 3
MAX_HEADER = 1 << 20

# The engines. "package" is what is imported and "pip" what is installed; "arch" lists the
# compute capabilities that the kernel is for, as major numbers, none meaning any device and
# the CPU too; "ran" says where the authors of fp4tui ran the row, "" nowhere. "foreign" rows
# compute with other arithmetic than a tensor core on these operands: their outputs differ
# from emulated ones without being wrong.
TABLE = json.loads(r"""[
{"name": "torch", "package": "torch", "pip": "torch", "arch": [], "modes": ["w4a16", "w4a4"], "foreign": true,
 "ran": "CPU, H100", "doc": "weights dequantized to bf16 with alpha in them, one bf16 matmul"},
{"name": "torch:fp8", "package": "torch", "pip": "torch", "arch": [], "modes": ["w4a16", "w4a4"], "foreign": true,
 "ran": "CPU, H100", "doc": "both operands rounded to E4M3 with one scale a tensor, torch._scaled_mm"},
{"name": "torch:fp4", "package": "torch", "pip": "torch", "arch": [10, 12], "modes": ["w4a4"], "foreign": false,
 "ran": "", "doc": "torch._scaled_mm on E2M1 operands with 128x4 block scales (cuBLASLt)"},
{"name": "flashinfer:trtllm", "package": "flashinfer", "pip": "flashinfer-python", "arch": [10], "modes": ["w4a4"], "foreign": false,
 "ran": "", "doc": "mm_fp4 of the TensorRT-LLM kernels: shuffled weight rows"},
{"name": "flashinfer:cutlass", "package": "flashinfer", "pip": "flashinfer-python", "arch": [10, 11, 12], "modes": ["w4a4"], "foreign": false,
 "ran": "", "doc": "mm_fp4 of the CUTLASS kernels"},
{"name": "flashinfer:cudnn", "package": "flashinfer", "pip": "flashinfer-python", "arch": [10, 11, 12], "modes": ["w4a4"], "foreign": false,
 "ran": "", "doc": "mm_fp4 of cuDNN"},
{"name": "flashinfer:a16", "package": "flashinfer", "pip": "flashinfer-python", "arch": [10, 11, 12], "modes": ["w4a16"], "foreign": true,
 "ran": "", "doc": "mm_bf16_fp4, the CuTe DSL kernel on bf16 activations"},
{"name": "vllm:cutlass", "package": "vllm", "pip": "vllm", "arch": [10, 12], "modes": ["w4a4"], "foreign": false,
 "ran": "", "doc": "cutlass_scaled_fp4_mm of vLLM"},
{"name": "vllm:marlin", "package": "vllm", "pip": "vllm", "arch": [8, 9, 10, 12], "modes": ["w4a16"], "foreign": true,
 "ran": "", "doc": "the Marlin kernel of vLLM, with its own repacking and scales in S0E5M3"}
]""")

Frame = collections.namedtuple("Frame", "kind job body blobs")

class Refusal(Exception):
    """What cannot be computed, why, and what to do about it."""

    def __init__(self, what, why="", cure="", kind="unsupported"):
        super().__init__(what)
        self.fault = {"class": kind, "what": what, "why": why, "cure": cure}

# --- frames ---------------------------------------------------------------------------------

def read_exactly(stream, n):
    data = stream.read(n)
    if len(data) != n:
        raise EOFError
    return data

def read_frame(stream):
    (size,) = struct.unpack("<I", read_exactly(stream, 4))
    if not 0 < size <= MAX_HEADER:
        raise EOFError
    head = json.loads(read_exactly(stream, size))
    blobs = [read_exactly(stream, n) for n in head.get("blobs") or []]
    return Frame(head["kind"], head.get("job", 0), head.get("body") or {}, blobs)

class Peer:
    """The other side: frames arrive on a thread, so that a closed pipe ends a busy process."""

    def __init__(self, stdin, stdout):
        self.stdout = stdout
        self.frames = queue.Queue()
        self.lock = threading.Lock()
        threading.Thread(target=self.listen, args=(stdin,), daemon=True).start()

    def listen(self, stdin):
        try:
            while True:
                self.frames.put(read_frame(stdin))
        except Exception:  # closed, or no frame: nobody is there to be told
            os._exit(0)

    def send(self, kind, job, body=None, *blobs):
        head = {"kind": kind}
        if job:
            head["job"] = job
        if body is not None:
            head["body"] = body
        if blobs:
            head["blobs"] = [len(b) for b in blobs]
        text = json.dumps(head).encode()
        with self.lock:
            self.stdout.write(struct.pack("<I", len(text)) + text)
            for b in blobs:
                self.stdout.write(b)
            self.stdout.flush()

# --- what is here ---------------------------------------------------------------------------

def version_of(pip):
    try:
        return importlib.metadata.version(pip)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"

def import_torch():
    if importlib.util.find_spec("torch") is None:
        raise Refusal("no torch in this Python", sys.executable + " has no module torch", "pip install torch, or --python of an environment that has it", "missing")
    import torch

    return torch

def device_of(torch):
    if torch.cuda.is_available():
        major, minor = torch.cuda.get_device_capability()
        return "cuda", "%s sm_%d%d" % (torch.cuda.get_device_name(), major, minor), major
    return "cpu", "CPU", 0

def state(row, name, major):
    """Whether a row can run here: ready, why not, what to do."""
    if importlib.util.find_spec(row["package"]) is None:
        return False, "no module %s in %s" % (row["package"], sys.executable), "pip install " + row["pip"]
    if row["arch"] and major not in row["arch"]:
        return False, "its kernels are for compute capability %s; here is %s" % (", ".join("%d.x" % a for a in row["arch"]), name), "run it on such a device, or backend=emu"
    return True, "", ""

def kernels(name, major):
    out = []
    for row in TABLE:
        ready, why, cure = state(row, name, major)
        status = "run by the authors on " + row["ran"] if row["ran"] else "never run by the authors"
        if importlib.util.find_spec(row["package"]) is not None:
            status = "%s %s, %s" % (row["pip"], version_of(row["pip"]), status)
        out.append({"name": row["name"], "doc": row["doc"], "ready": ready, "why": why, "cure": cure, "status": status})
    return out

def hello(body):
    answer = {"version": VERSION, "program": "python " + sys.version.split()[0]}
    if body.get("version") != VERSION:
        answer["error"] = Refusal("worker protocol %s, this bridge speaks %d" % (body.get("version"), VERSION), cure="use the fp4tui that started it").fault
        return answer
    try:
        torch = import_torch()
        _, name, major = device_of(torch)
        answer["program"] += ", torch " + torch.__version__
        answer["device"] = name
        answer["kernels"] = kernels(name, major)
    except Refusal as r:
        answer["error"] = r.fault
    except Exception as e:  # a torch that is broken
        answer["error"] = Refusal("torch cannot be imported", one_line(e), "repair the environment: %s -c 'import torch'" % sys.executable).fault
    return answer

def one_line(e):
    return " ".join(("%s: %s" % (type(e).__name__, e)).split())[:600]

# --- operands -------------------------------------------------------------------------------

class Job:
    """One product as tensors on the device. Scales stay in the bytes that were stored."""

    def __init__(self, torch, device, head, blobs, weight):
        self.torch, self.device = torch, device
        self.m, self.n, self.k = head["m"], head["n"], head["k"]
        self.block, self.scale, self.mode = head["block"], head["scale"], head["mode"]
        self.alpha_place, self.bias_place = head["alpha_place"], head["bias_place"]
        self.out = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}[head["out"]]
        cols = -(-self.k // self.block)
        if self.mode == "w4a4":
            self.x = self.tensor(blobs[0], torch.uint8, self.m, self.k // 2)
            self.x_scale = self.tensor(blobs[1], torch.uint8, self.m, cols)
        else:
            self.x = self.tensor(blobs[0], torch.int16, self.m, self.k).view(torch.bfloat16)
        self.alphas = self.tensor(blobs[2], torch.float32, len(blobs[2]) // 4)
        self.bias = self.tensor(blobs[3], torch.float32, self.n) if head["has_bias"] else None
        self.w = self.tensor(weight[0], torch.uint8, self.n, self.k // 2)
        self.w_scale = self.tensor(weight[1], torch.uint8, self.n, cols)
        self.notes = []

    def tensor(self, data, dtype, *shape):
        t = self.torch
        return t.frombuffer(bytearray(data), dtype=dtype).reshape(shape).to(self.device)

    def values(self, codes, scales):
        """Codes times block scales in float32: exact, unless an E8M0 scale leaves its range."""
        t = self.torch
        table = t.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6], device=self.device)
        table = t.cat([table, -table])
        low, high = table[(codes & 15).long()], table[(codes >> 4).long()]
        v = t.stack([low, high], dim=2).reshape(codes.shape[0], self.k)
        if self.scale == "e8m0":
            s = t.ldexp(t.ones((), device=self.device), scales.to(t.int32) - 127)
            s = t.where(scales == 255, t.full_like(s, float("nan")), s)
        else:
            s = scales.view(t.float8_e4m3fn).float()
        return v * s.repeat_interleave(self.block, dim=1)[:, : self.k]

    def x_values(self):
        return self.values(self.x, self.x_scale) if self.mode == "w4a4" else self.x.float()

    def w_values(self):
        return self.values(self.w, self.w_scale)

    def one_alpha(self):
        if self.alphas.numel() != 1:
            raise Refusal("this engine takes one alpha", "activations have one a row", "actper=tensor")
        return self.alphas

    def plain(self):
        """Refuses what the kernels of engines have no epilogue for."""
        if self.alpha_place or self.bias_place:
            raise Refusal("this engine has no such epilogue", "its kernel multiplies by alpha in FP32 and adds no bias", "bias=none")
        if self.out == self.torch.float32:
            raise Refusal("this engine writes no float32", "its kernels round to 16 bits", "out=bf16")

    def nvfp4(self):
        if self.scale != "e4m3" or self.block != 16:
            raise Refusal("this engine's row is for NVFP4", "the layer has %s scales of %d" % (self.scale, self.block), "backend=emu")

    def guarded(self):
        """An output of bits that are all ones, a NaN that no arithmetic makes: what stays so was never written."""
        t = self.torch
        return t.full((self.m, self.n), -1, dtype=t.int16, device=self.device).view(self.out)

    def interleaved(self, scales):
        """The 128x4 layout: 32 rows by 4 columns by 4 row groups, zero padded."""
        t = self.torch
        rows, cols = -(-scales.shape[0] // 128) * 128, -(-scales.shape[1] // 4) * 4
        padded = t.zeros((rows, cols), dtype=t.uint8, device=self.device)
        padded[: scales.shape[0], : scales.shape[1]] = scales
        return padded.reshape(rows // 128, 4, 32, cols // 4, 4).permute(0, 3, 2, 1, 4).contiguous().reshape(rows, cols)

    def finish(self, y):
        """The epilogue of engines that leave it to PyTorch: bias, then the output type."""
        if self.bias_place == 1:
            y = y.float() + self.bias
        y = y.to(self.out)
        if self.bias_place == 2:
            y = (y + self.bias.to(self.out)).to(self.out)
        return y

# --- engines --------------------------------------------------------------------------------
# Each prepares its operands once and returns the function that runs its kernel.

def torch_bf16(j):
    t = j.torch
    x, w = j.x_values(), j.w_values()
    per_row = j.alphas.numel() != 1
    if not per_row:
        w = w * j.alphas
    x, w = x.to(t.bfloat16), w.to(t.bfloat16)
    j.notes.append("w is rounded to bf16 %s" % ("before alpha, which is one a row" if per_row else "with alpha in it"))

    def run():
        if j.out == t.bfloat16 and not per_row and j.bias_place != 1:
            y = x @ w.T
        else:
            y = x.float() @ w.float().T
        return j.finish(y * j.alphas[:, None] if per_row else y)

    return run

def to_fp8(j, v, name):
    """One power-of-two scale for a whole tensor that brings its amax under 448."""
    t = j.torch
    amax = v.abs().amax().item()
    scale = 1.0
    if 0 < amax < float("inf"):
        while amax / scale > 448:
            scale *= 2
        while amax / scale <= 224:
            scale /= 2
    q = (v / scale).to(t.float8_e4m3fn)
    changed = int((q.float() * scale != v).sum().item())
    j.notes.append("%s in E4M3: %d of %d values rounded" % (name, changed, v.numel()))
    return q, t.tensor(scale, device=j.device)

def torch_fp8(j):
    t = j.torch
    if j.k % 16 or j.n % 16:
        raise Refusal("torch._scaled_mm needs multiples of 16", "N %d, K %d" % (j.n, j.k), "backend=torch")
    if j.device == "cuda" and t.cuda.get_device_capability() < (8, 9):
        raise Refusal("no FP8 on this device", "it has compute capability %d.%d, FP8 begins at 8.9" % t.cuda.get_device_capability(), "backend=torch")
    (x, sx), (w, sw) = to_fp8(j, j.x_values(), "x"), to_fp8(j, j.w_values(), "w")

    def run():
        y = t._scaled_mm(x, w.T, scale_a=sx, scale_b=sw, out_dtype=t.float32)
        return j.finish(y * (j.alphas[:, None] if j.alphas.numel() != 1 else j.alphas))

    return run

def torch_fp4(j):
    t = j.torch
    if not hasattr(t, "float4_e2m1fn_x2"):
        raise Refusal("this torch has no FP4 type", "torch " + t.__version__, "pip install -U torch")
    j.plain()
    j.nvfp4()
    alpha = j.one_alpha()
    x, w = j.x.view(t.float4_e2m1fn_x2), j.w.view(t.float4_e2m1fn_x2)
    sx, sw = (j.interleaved(s).view(t.float8_e4m3fn).flatten() for s in (j.x_scale, j.w_scale))
    j.notes.append("alpha is multiplied by after the kernel has rounded to bf16")
    return lambda: (t._scaled_mm(x, w.T, scale_a=sx, scale_b=sw, out_dtype=t.bfloat16).float() * alpha).to(j.out)

def flashinfer_mm(backend):
    def prepare(j):
        import flashinfer

        j.plain()
        j.nvfp4()
        alpha, w, out = j.one_alpha(), j.w, j.guarded()
        if backend == "trtllm":
            if j.n % 128 or j.k % 64:
                raise Refusal("the trtllm kernels need N in 128 and K in 64", "N %d, K %d" % (j.n, j.k), "p = prep w for=trtllm shows the padding")
            w = flashinfer.shuffle_matrix_a(w, 128)
            sw = flashinfer.shuffle_matrix_sf_a(j.w_scale, 128, 16)
        else:
            sw = flashinfer.block_scale_interleave(j.w_scale)
        rows = lambda s, n: s.view(j.torch.uint8).reshape(-(-n // 128) * 128, -1)
        sx = rows(flashinfer.block_scale_interleave(j.x_scale), j.m)
        sw = rows(sw, j.n)

        def run():
            flashinfer.mm_fp4(j.x, w.T, sx, sw.T, alpha, j.out, out, block_size=16, use_8x4_sf_layout=False, backend=backend)
            return out

        return run

    return prepare

def flashinfer_a16(j):
    import flashinfer

    j.plain()
    j.nvfp4()
    if j.out != j.torch.bfloat16:
        raise Refusal("mm_bf16_fp4 writes bf16", cure="out=bf16")
    sw = flashinfer.block_scale_interleave(j.w_scale)
    w, sw, alpha = flashinfer.prepare_bf16_fp4_weights(j.w, sw, j.one_alpha(), backend="cute-dsl")
    out = j.guarded()

    def run():
        flashinfer.mm_bf16_fp4(j.x, w, sw, alpha, backend="cute-dsl", out=out)
        return out

    return run

def vllm_cutlass(j):
    from vllm import _custom_ops as ops

    j.plain()
    j.nvfp4()
    if j.n % 32 or j.k % 32:
        raise Refusal("cutlass_scaled_fp4_mm needs multiples of 32", "N %d, K %d" % (j.n, j.k), "pad the layer, as vLLM does")
    sx, sw = (j.interleaved(s).view(j.torch.float8_e4m3fn) for s in (j.x_scale, j.w_scale))
    alpha = j.one_alpha()
    return lambda: ops.cutlass_scaled_fp4_mm(j.x, j.w, sx, sw, alpha, j.out)

def vllm_marlin(j):
    t = j.torch
    from vllm.model_executor.layers.quantization.utils import marlin_utils_fp4 as marlin

    if "weight_global_scale" not in inspect.signature(marlin.apply_fp4_marlin_linear).parameters:
        # They look for weight_scale_2, and without it they take NVFP4 for MXFP4.
        raise Refusal("this vLLM prepares Marlin's weights in another way", "vllm %s knows no weight_global_scale" % version_of("vllm"), "update vllm; backend=emu computes the same layer on the CPU")
    j.plain()
    if j.out != t.bfloat16:
        raise Refusal("this row gives Marlin bf16 activations", "its output has their type", "out=bf16")
    layer = t.nn.Module()
    keep = lambda v: t.nn.Parameter(v, requires_grad=False)
    layer.weight = keep(j.w)
    layer.output_size_per_partition, layer.input_size_per_partition, layer.params_dtype = j.n, j.k, t.bfloat16
    if j.scale == "e4m3":
        layer.weight_scale = keep(j.w_scale.view(t.float8_e4m3fn))
        layer.weight_global_scale = keep(j.one_alpha().to(t.float32))
    else:
        layer.weight_scale = keep(j.w_scale)
    marlin.prepare_fp4_layer_for_marlin(layer)
    factor = getattr(layer, "weight_global_scale", None)
    return lambda: marlin.apply_fp4_marlin_linear(j.x, layer.weight, layer.weight_scale, factor, layer.workspace, j.n, j.k)

ENGINES = {
    "torch": torch_bf16,
    "torch:fp8": torch_fp8,
    "torch:fp4": torch_fp4,
    "flashinfer:trtllm": flashinfer_mm("trtllm"),
    "flashinfer:cutlass": flashinfer_mm("cutlass"),
    "flashinfer:cudnn": flashinfer_mm("cudnn"),
    "flashinfer:a16": flashinfer_a16,
    "vllm:cutlass": vllm_cutlass,
    "vllm:marlin": vllm_marlin,
}

# --- serving --------------------------------------------------------------------------------

def timed(torch, device, run):
    """The output of the first run, and the microseconds of a second one."""
    if device == "cpu":
        return run(), 0.0
    y = run().clone()
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    run()
    end.record()
    end.synchronize()
    return y, begin.elapsed_time(end) * 1000

def compute(head, blobs, weight):
    torch = import_torch()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    device, name, major = device_of(torch)
    asked = head.get("kernel") or "torch"
    row = next((r for r in TABLE if r["name"] == asked), None)
    if row is None:
        raise Refusal("no engine " + asked, "this bridge has " + ", ".join(r["name"] for r in TABLE), "use the same fp4tui on both sides")
    ready, why, cure = state(row, name, major)
    if not ready:
        raise Refusal(asked + " cannot run here", why, cure)
    if head["mode"] not in row["modes"]:
        raise Refusal("%s has no mode %s" % (asked, head["mode"]), "its kernel computes " + " and ".join(row["modes"]), "mode=" + row["modes"][0])
    with torch.inference_mode():
        job = Job(torch, device, head, blobs, weight)
        y, micros = timed(torch, device, ENGINES[asked](job))
        y = y.float().contiguous().cpu()
    arch = "" if device == "cpu" else "sm%d%d" % torch.cuda.get_device_capability()
    answer = {"kernel": "%s %s" % (row["pip"], version_of(row["pip"])), "device": name, "arch": arch, "micros": micros, "notes": job.notes}
    return answer, ctypes.string_at(y.data_ptr(), y.numel() * 4)

def failed(e):
    """The fault of an exception, and whether the process is still good."""
    if isinstance(e, Refusal):
        return e.fault, True
    text = one_line(e)
    if "OutOfMemory" in text or isinstance(e, MemoryError):
        return Refusal("out of memory", text, "give it fewer rows: gemm x[0:64] w", "unreadable").fault, True
    if isinstance(e, ImportError):
        return Refusal("the engine cannot be imported", text, "repair the environment, or update the engine: this row was written for another version").fault, True
    traceback.print_exc()
    return Refusal("the engine failed", text, "backend=emu computes the same layer on the CPU", "unreadable").fault, "CUDA error" not in text

def serve(peer):
    weights = collections.OrderedDict()
    waiting = None  # the run frame whose weight is on its way
    while True:
        f = peer.frames.get()
        if f.kind == "hello":
            peer.send("hello", 0, hello(f.body))
            continue
        if f.kind == "run":
            waiting = f
            if f.body["weight"] not in weights:
                peer.send("need", f.job)
                continue
        elif f.kind == "weight" and waiting is not None and f.job == waiting.job:
            weights[waiting.body["weight"]] = f.blobs
            while len(weights) > 8:
                weights.popitem(last=False)
        elif f.kind == "cancel" and waiting is not None and f.job == waiting.job:
            peer.send("error", f.job, Refusal("cancelled").fault)
            waiting = None
            continue
        else:
            continue
        run, waiting = waiting, None
        try:
            body, y = compute(run.body, run.blobs, weights[run.body["weight"]])
            peer.send("result", run.job, body, y)
        except Exception as e:
            fault, healthy = failed(e)
            peer.send("error", run.job, dict(fault, ends=not healthy))
            if not healthy:
                os._exit(1)

def main():
    # What libraries print must not reach the protocol.
    out = os.fdopen(os.dup(1), "wb", 1 << 16)
    os.dup2(2, 1)
    stdin = os.fdopen(os.dup(0), "rb", 1 << 16)
    serve(Peer(stdin, out))

if __name__ == "__main__":
    main()
