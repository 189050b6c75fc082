"""As much of PyTorch as the bridge needs to hand bytes to an engine: a stand-in for tests, on a
device that says that it is a Blackwell."""
import contextlib
import ctypes
import types

__version__ = "stand-in"
SIZES = {"uint8": 1, "int16": 2, "bfloat16": 2, "float16": 2, "float32": 4, "float8_e4m3fn": 1, "bool": 1}
globals().update({name: name for name in SIZES})  # a type is its name
backends = types.SimpleNamespace(cuda=types.SimpleNamespace(matmul=types.SimpleNamespace()))


class Event:
    def __init__(self, enable_timing):
        pass

    record = synchronize = lambda self: None
    elapsed_time = lambda self, other: 0.001


cuda = types.SimpleNamespace(is_available=lambda: True, get_device_capability=lambda: (10, 0), get_device_name=lambda: "Stand-in", Event=Event)
inference_mode = contextlib.nullcontext


class Tensor:
    def __init__(self, data, dtype, shape):
        self.data, self.dtype, self.shape = data, dtype, shape  # data is a bytearray that views share

    def numel(self):
        return len(self.data) // SIZES[self.dtype]

    def reshape(self, *shape):
        shape = list(shape[0] if isinstance(shape[0], (tuple, list)) else shape)
        if -1 in shape:
            known = 1
            for n in shape:
                known *= n if n != -1 else 1
            shape[shape.index(-1)] = self.numel() // known
        size = 1
        for n in shape:
            size *= n
        assert size == self.numel(), (shape, self.numel())
        return Tensor(self.data, self.dtype, tuple(shape))

    def view(self, dtype):
        shape = self.shape[:-1] + (self.shape[-1] * SIZES[self.dtype] // SIZES[dtype],)
        return Tensor(self.data, dtype, shape)

    def to(self, what):
        return Tensor(self.data, "uint8", self.shape) if what == "uint8" else self

    contiguous = cpu = lambda self: self
    is_contiguous = lambda self: True
    clone = lambda self: Tensor(bytearray(self.data), self.dtype, self.shape)

    @property
    def T(self):
        return Tensor(self.data, self.dtype, self.shape[::-1])

    def __ne__(self, other):
        return Tensor(bytearray(a != b for a, b in zip(self.data, other.data, strict=True)), "bool", self.shape)

    def sum(self):
        return types.SimpleNamespace(item=lambda: sum(self.data))

    def argmax(self):
        return types.SimpleNamespace(item=lambda: self.data.index(max(self.data)))

    def float(self):
        assert self.dtype == "bfloat16"
        wide = bytearray()
        for i in range(0, len(self.data), 2):
            wide += b"\0\0" + self.data[i : i + 2]
        return Tensor(wide, "float32", self.shape)

    def data_ptr(self):
        self.kept = (ctypes.c_char * len(self.data)).from_buffer(self.data)
        return ctypes.addressof(self.kept)


def frombuffer(data, dtype):
    return Tensor(data, dtype, (len(data) // SIZES[dtype],))


def full(shape, value, dtype, device):
    assert (value, dtype) == (-1, "int16")
    return Tensor(bytearray(b"\xff" * (2 * shape[0] * shape[1])), dtype, shape)
