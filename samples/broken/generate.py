"""Make one small file for each thing that can be wrong. Run after ../generate.py; needs only Python.

Every file starts as a healthy cut of a real layer of ../minilm-w4a16 (its codes,
scales and global as compressed-tensors 0.19.0 wrote them) and gets one fault.
"""

import json
import shutil
import struct
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE.parent / "minilm-w4a16"
ATTENTION = "encoder.layer.0.attention.self."
DENSE = "encoder.layer.0.intermediate.dense"
ROWS, COLS, BLOCK = 64, 128, 16


def source():
    """Reads the sample's first shard: name → (dtype, shape, bytes)."""
    raw = (SOURCE / "model-00001-of-00002.safetensors").read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + n])
    header.pop("__metadata__", None)
    return {k: (v["dtype"], v["shape"], raw[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]])
            for k, v in header.items()}


def top_left(tensor, rows, cols):
    dtype, shape, data = tensor
    width = shape[1]
    return dtype, [rows, cols], b"".join(data[r * width:r * width + cols] for r in range(rows))


def layer(tensors, module, name=None):
    """The first ROWS × COLS weights of a layer, as a healthy layer of its own."""
    name = name or module
    return {
        f"{name}.weight_packed": top_left(tensors[f"{module}.weight_packed"], ROWS, COLS // 2),
        f"{name}.weight_scale": top_left(tensors[f"{module}.weight_scale"], ROWS, COLS // BLOCK),
        f"{name}.weight_global_scale": tensors[f"{module}.weight_global_scale"],
    }


def f32(value):
    return "F32", [1], struct.pack("<f", value)


def entries(tensors):
    """Header entries in name order, and the data they describe."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name in sorted(tensors):
        dtype, shape, raw = tensors[name]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    return header, data


def file_bytes(header, data, pad=8):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % pad)
    return struct.pack("<Q", len(text)) + text + data


def write(name, content):
    path = HERE / f"{name}.safetensors"
    assert len(content) < 20_000, name
    path.write_bytes(content)


def write_tensors(name, tensors):
    write(name, file_bytes(*entries(tensors)))


def replace(tensors, suffix, change):
    """A copy in which the data of DENSE.suffix went through change."""
    key = f"{DENSE}.{suffix}"
    dtype, shape, data = tensors[key]
    return tensors | {key: (dtype, shape, bytes(change(bytearray(data))))}


def containers(good):
    """Files whose header and bytes do not fit."""
    header, data = entries(good)
    packed, scale, glob = (f"{DENSE}.{s}" for s in ("weight_packed", "weight_scale", "weight_global_scale"))
    whole = file_bytes(header, data)
    write("empty", b"")
    write("short", whole[:-300])
    write("header-length-lies", struct.pack("<Q", 1 << 40) + whole[8:])
    write("header-not-json", file_bytes(json.dumps(header).replace('"dtype"', "dtype").encode(), data))

    def edited(change):
        h = json.loads(json.dumps(header))
        d = change(h)
        return file_bytes(h, data if d is None else d)

    def overlap(h):
        h[scale]["data_offsets"] = [o - 64 for o in h[scale]["data_offsets"]]
        return data[:-64]

    def hole(h):
        h[scale]["data_offsets"] = [o + 64 for o in h[scale]["data_offsets"]]
        at = header[scale]["data_offsets"][0]
        return data[:at] + bytes(64) + data[at:]

    write("overlap", edited(overlap))
    write("hole", edited(hole))
    write("unknown-dtype", edited(lambda h: h[scale].update(dtype="F8_E3M4")))
    write("shape-mismatch", edited(lambda h: h[packed].update(shape=[ROWS + 1, COLS // 2])))
    text = json.dumps(header, separators=(",", ":"))
    twice = json.dumps({glob: header[glob]}, separators=(",", ":"))[1:]
    write("duplicate-tensor", file_bytes((text[:-1] + "," + twice).encode(), data))


def layers(tensors, good):
    """Well-formed files that hold a layer no engine should run."""
    def scales(change):
        return replace(good, "weight_scale", change)

    def one_nan(data):
        data[5 * (COLS // BLOCK) + 3] = 0x7F  # row 5, block 3
        return data

    write_tensors("nan-scale", scales(one_nan))
    write_tensors("saturated", scales(lambda d: b"\x7e" * len(d)))
    write_tensors("subnormal", scales(lambda d: bytes(1 + b % 7 for b in d)))
    for name, value in (("zero-global", 0.0), ("inf-global", float("inf"))):
        write_tensors(name, good | {f"{DENSE}.weight_global_scale": f32(value)})
    write_tensors("missing-global", {k: v for k, v in good.items() if not k.endswith("global_scale")})
    write_tensors("missing-scale", {k: v for k, v in good.items() if not k.endswith("weight_scale")})
    dtype, shape, data = good[f"{DENSE}.weight_scale"]
    write_tensors("block-mismatch", good | {f"{DENSE}.weight_scale": (dtype, [ROWS, 5], data[:ROWS * 5])})

    dtype, shape, data = good[f"{DENSE}.weight_packed"]
    half = top_left((dtype, shape, data), ROWS, (COLS - BLOCK // 2) // 2)
    write_tensors("partial-block", good | {f"{DENSE}.weight_packed": half})

    # The divisor that a confused exporter writes: float32(1 / weight_global_scale).
    weight_global = struct.unpack("<f", good[f"{DENSE}.weight_global_scale"][2])[0]
    write_tensors("inv-act-scale", good | {f"{DENSE}.input_global_scale": f32(1 / weight_global)})

    # q, k and v as llm-compressor left them: three different globals.
    fused = {}
    for part in ("query", "key", "value"):
        fused |= {k: v for k, v in layer(tensors, ATTENTION + part).items()}
    write_tensors("fused-differ", fused)

    # Clears the screen, rewrites the title, rings, reverses the text direction, breaks the line.
    hostile = "layer.\x1b[2J\x1b]0;owned\x07.\u202egnp\u2066\r\n.dense"
    write_tensors("hostile-name", layer(tensors, DENSE, hostile))


def index_mismatch(tensors, good):
    """A shard that is not there, a tensor that is not where the index says, one that it does not list."""
    out = HERE / "index-mismatch"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    files = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    (out / files[0]).write_bytes(file_bytes(*entries(good)))
    (out / files[1]).write_bytes(file_bytes(*entries(layer(tensors, ATTENTION + "query"))))
    place = {k: files[0] for k in good} | {k: files[1] for k in layer(tensors, ATTENTION + "query")}
    del place[ATTENTION + "query.weight_scale"]            # in a shard, not in the index
    place[f"{DENSE}.weight_scale"] = files[1]              # the index names the wrong shard
    place[ATTENTION + "key.weight_packed"] = files[1]      # in no shard at all
    place[ATTENTION + "value.weight_packed"] = files[2]    # the shard is absent
    index = {"metadata": {"total_size": 1}, "weight_map": dict(sorted(place.items()))}
    (out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def config_mismatch(good):
    """NVFP4 tensors beside the configuration of an MXFP4 checkpoint, with 8 bits."""
    out = HERE / "config-mismatch"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    (out / "model.safetensors").write_bytes(file_bytes(*entries(good)))
    weights = {"num_bits": 8, "type": "float", "strategy": "group", "group_size": 32}
    config = {"quantization_config": {"quant_method": "compressed-tensors", "format": "mxfp4-pack-quantized",
                                      "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}}}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    tensors = source()
    good = layer(tensors, DENSE)
    containers(good)
    layers(tensors, good)
    index_mismatch(tensors, good)
    config_mismatch(good)


if __name__ == "__main__":
    main()
