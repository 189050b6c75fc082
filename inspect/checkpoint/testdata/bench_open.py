"""Open a checkpoint of 160 shards with 200,000 tensors: every name and shape.

pip install safetensors==0.8.0 numpy
python bench_open.py [DIRECTORY]

Without a directory it writes the checkpoint of BenchmarkOpen200k (files whose data is a hole) to a
temporary one. Prints the median of nine runs in ms: the index and every header through safe_open
with the shape of every tensor, the same without the index, without shapes, and plain Python (json of the headers) as the lower bound.
"""

import json
import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from safetensors import safe_open

SHARDS, TENSORS, SIZE, RUNS = 160, 1250, 512 * 256, 9


def write(directory):
    index = {}
    for s in range(SHARDS):
        header = {"__metadata__": {"format": "pt"}}
        for i in range(TENSORS):
            name = f"model.layers.{s}.mlp.experts.{i}.gate_proj.weight_packed"
            index[name] = f"model-{s + 1:05}-of-{SHARDS:05}.safetensors"
            header[name] = {"dtype": "U8", "shape": [512, 256], "data_offsets": [i * SIZE, (i + 1) * SIZE]}
        text = json.dumps(header, separators=(",", ":")).encode()
        with open(directory / f"model-{s + 1:05}-of-{SHARDS:05}.safetensors", "wb") as f:
            f.write(len(text).to_bytes(8, "little") + text)
            f.truncate(8 + len(text) + TENSORS * SIZE)
    with open(directory / "model.safetensors.index.json", "w") as f:
        json.dump({"metadata": {"total_size": 1}, "weight_map": index}, f, indent=2)


def indexed(files):
    """What a loader does: the index, the headers, and that both agree."""
    with open(os.path.join(os.path.dirname(files[0]), "model.safetensors.index.json"), "rb") as f:
        placed = json.load(f)["weight_map"]
    n = 0
    for file in files:
        base = os.path.basename(file)
        with safe_open(file, framework="np") as f:
            for name in f.keys():
                n += f.get_slice(name).get_shape()[0] == 512 and placed[name] == base
    return n


def shapes(files):
    n = 0
    for file in files:
        with safe_open(file, framework="np") as f:
            for name in f.keys():
                n += f.get_slice(name).get_shape()[0] == 512
    return n


def keys(files):
    n = 0
    for file in files:
        with safe_open(file, framework="np") as f:
            n += len(f.keys())
    return n


def headers(files):
    n = 0
    for file in files:
        with open(file, "rb") as f:
            n += len(json.loads(f.read(int.from_bytes(f.read(8), "little")))) - 1
    return n


def measure(directory):
    files = sorted(os.fspath(p) for p in Path(directory).glob("*.safetensors"))
    print(f"safetensors {version('safetensors')}, Python {sys.version.split()[0]}, {len(files)} files; ms")
    for run in (indexed, shapes, keys, headers):
        times = []
        for _ in range(RUNS + 1):
            start = time.perf_counter()
            assert run(files) == SHARDS * TENSORS
            times.append(time.perf_counter() - start)
        print(f"{run.__name__:8} {median(times[1:]) * 1e3:.1f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as made:
            write(Path(made))
            measure(made)
