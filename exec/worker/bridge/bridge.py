"""Serves the engines to fp4tui.

fp4tui starts this script, behind that of the engines, with the interpreter that --python names
and speaks its worker protocol with it (package exec/worker) over standard input and output.
"""
import collections
import ctypes
import json
import os
import queue
import struct
import sys
import threading
import traceback

VERSION = 4
MAX_HEADER = 1 << 20

Frame = collections.namedtuple("Frame", "kind job body blobs")

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
