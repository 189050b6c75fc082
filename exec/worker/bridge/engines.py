"""The kernels of a Python environment that compute fp4tui's jobs.

bridge.py stands behind this file in one script and serves it. It needs the standard library
alone to start; torch and the engines are imported when a job asks for them, so that an
environment that lacks one can still say so.
"""
import importlib.metadata
import importlib.util
import inspect
import json
import sys

# The engines. "package" is what is imported and "pip" what is installed; "arch" lists the
# compute capabilities that the kernel is for, as major numbers, none meaning any device and
# the CPU too; "ran" says where the authors of fp4tui ran the row, "" nowhere. "foreign" rows
# compute with other arithmetic than a tensor core on these operands: their outputs differ
# from emulated ones without being wrong. "buffers" names the kernels, of fp4tui's prep, whose
# prepared weights a row's kernel reads; a job may bring such a weight, or one that was put
# together by hand. Otherwise the engine's own functions prepare it.
TABLE = json.loads(r"""[
{"name": "torch", "package": "torch", "pip": "torch", "arch": [], "modes": ["w4a16", "w4a4"], "foreign": true,
 "ran": "CPU, H100", "doc": "weights dequantized to bf16 with alpha in them, one bf16 matmul"},
{"name": "torch:fp8", "package": "torch", "pip": "torch", "arch": [], "modes": ["w4a16", "w4a4"], "foreign": true,
 "ran": "CPU, H100", "doc": "both operands rounded to E4M3 with one scale a tensor, torch._scaled_mm"},
{"name": "torch:fp4", "package": "torch", "pip": "torch", "arch": [10, 12], "modes": ["w4a4"], "foreign": false,
 "buffers": ["cutlass", "flashinfer-cutlass", "cudnn", "cute-dsl", "b12x"],
 "ran": "", "doc": "torch._scaled_mm on E2M1 operands with 128x4 block scales (cuBLASLt)"},
{"name": "flashinfer:trtllm", "package": "flashinfer", "pip": "flashinfer-python", "arch": [10], "modes": ["w4a4"], "foreign": false,
 "buffers": ["trtllm", "trtllm.vllm"],
 "ran": "", "doc": "mm_fp4 of the TensorRT-LLM kernels: shuffled weight rows"},
{"name": "flashinfer:cutlass", "package": "flashinfer", "pip": "flashinfer-python", "arch": [10, 11, 12], "modes": ["w4a4"], "foreign": false,
 "buffers": ["cutlass", "flashinfer-cutlass", "cudnn", "cute-dsl", "b12x"],
 "ran": "", "doc": "mm_fp4 of the CUTLASS kernels"},
{"name": "flashinfer:cudnn", "package": "flashinfer", "pip": "flashinfer-python", "arch": [10, 11, 12], "modes": ["w4a4"], "foreign": false,
 "buffers": ["cutlass", "flashinfer-cutlass", "cudnn", "cute-dsl", "b12x"],
 "ran": "", "doc": "mm_fp4 of cuDNN"},
{"name": "flashinfer:a16", "package": "flashinfer", "pip": "flashinfer-python", "arch": [10, 11, 12], "modes": ["w4a16"], "foreign": true,
 "buffers": ["mm_bf16_fp4", "mm_bf16_fp4.sm120", "mm_bf16_fp4.sglang"],
 "ran": "", "doc": "mm_bf16_fp4, the CuTe DSL kernel on bf16 activations"},
{"name": "vllm:cutlass", "package": "vllm", "pip": "vllm", "arch": [10, 12], "modes": ["w4a4"], "foreign": false,
 "buffers": ["cutlass", "flashinfer-cutlass", "cudnn", "cute-dsl", "b12x"],
 "ran": "", "doc": "cutlass_scaled_fp4_mm of vLLM"},
{"name": "vllm:marlin", "package": "vllm", "pip": "vllm", "arch": [8, 9, 10, 12], "modes": ["w4a16"], "foreign": true,
 "buffers": ["marlin", "marlin.sglang"],
 "ran": "", "doc": "the Marlin kernel of vLLM, with its own repacking and scales in S0E5M3"}
]""")

class Refusal(Exception):
    """What cannot be computed, why, and what to do about it."""

    def __init__(self, what, why="", cure="", kind="unsupported"):
        super().__init__(what)
        self.fault = {"class": kind, "what": what, "why": why, "cure": cure}

def one_line(e):
    return " ".join(("%s: %s" % (type(e).__name__, e)).split())[:600]

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
        self.came = head.get("buffers")
        self.buffers = dict(zip(("codes", "scales"), weight[2:]))
        self.notes = []

    def tensor(self, data, dtype, *shape):
        t = self.torch
        return t.frombuffer(bytearray(data), dtype=dtype).reshape(shape).to(self.device)

    def given(self, name, made):
        """What the kernel reads as the weight's codes or scales: of a job that brings them its
        bytes, in the place, type and shape of those that the engine has made of the weight."""
        if name not in self.buffers:
            return made
        t, data = self.torch, self.buffers[name]
        if not made.is_contiguous():
            raise Refusal("this engine's kernel reads its %s with strides" % name, "a prepared weight is plain bytes", "gemm x w, for the engine to prepare it")
        flat = made.contiguous().view(t.uint8).reshape(-1)
        if flat.numel() != len(data):
            raise Refusal("the %s %s are %s bytes" % (name, self.came, format(len(data), ",")),
                          "this kernel reads %s of a weight of N %d, K %d" % (format(flat.numel(), ","), self.n, self.k), "p = prep w for=KERNEL with the kernel of this engine", "mismatch")
        mine = self.tensor(data, t.uint8, len(data))
        other = mine != flat
        count = int(other.sum().item())
        where = ", the first at %d" % other.to(t.uint8).argmax().item() if count else ""
        self.notes.append("%s %s: %s of %s bytes are others than the engine's own preparation makes%s" % (name, self.came, format(count, ","), format(len(data), ","), where))
        return mine.view(made.dtype).reshape(made.shape)

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
    x, w = j.x.view(t.float4_e2m1fn_x2), j.given("codes", j.w).view(t.float4_e2m1fn_x2)
    sx, sw = (s.view(t.float8_e4m3fn).flatten() for s in (j.interleaved(j.x_scale), j.given("scales", j.interleaved(j.w_scale))))
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
        w, sw = j.given("codes", w), j.given("scales", sw)
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
    w, sw = j.given("codes", w), j.given("scales", sw)
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
    sx, sw = (s.view(j.torch.float8_e4m3fn) for s in (j.interleaved(j.x_scale), j.given("scales", j.interleaved(j.w_scale))))
    w, alpha = j.given("codes", j.w), j.one_alpha()
    return lambda: ops.cutlass_scaled_fp4_mm(j.x, w, sx, sw, alpha, j.out)

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
    layer.weight, layer.weight_scale = keep(j.given("codes", layer.weight.data)), keep(j.given("scales", layer.weight_scale.data))
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
