"""Writes b200.json: words that an NVIDIA B200 returned, with their operands.

The words were captured by sf-tensor/tcgen05 (https://github.com/sf-tensor/tcgen05, commit
6f19f227c2c6386d11ae21177b1347e9ebd07d3c, tcgen05_model/validation.py; MIT licence in
b200.LICENSE), which draws most operands from Python's random.Random with a seed per format. This
script draws them again in that order and writes them as the verb mma takes them. Standard
library only.
"""
import json, pathlib, random

DIGITS = {"tf32": 8, "bf16": 4, "f16": 4, "e4m3": 2, "e5m2": 2, "e2m3": 2, "e3m2": 2, "e2m1": 1}
KIND = {"tf32": "tf32", "bf16": "bf16", "f16": "f16", "e4m3": "f8.e4m3", "e5m2": "f8.e5m2"}
vectors = []


def word(rng):
    """A random FP32 word; what would be NaN or infinite loses its exponent."""
    w = rng.getrandbits(32)
    return w & 0x807FFFFF if (w >> 23) & 0xFF == 0xFF else w


def text(name, codes):
    shift = 16 if name == "bf16" else 0  # a BF16 operand is the upper half of a word there
    return "".join(f"{c >> shift:0{DIGITS[name]}x}" for c in codes)


def add(name, kind, a_type, a, b_type, b, c, d, sa=(), sb=()):
    digits = 4 if "f16out" in kind else 8
    vectors.append({"name": name, "kind": kind, "a": text(a_type, a), "b": text(b_type, b), "sfa": bytes(sa).hex(), "sfb": bytes(sb).hex(),
                    "c": f"{c:0{digits}x}", "d": f"{d:0{digits}x}"})


def draw(rng, n, limit):
    return [rng.randrange(limit) for _ in range(n)]


# One instruction after the other from one stream: a, b, c.
for name, k, seed, limit, words in [
    ("tf32", 8, 104, None, (0xFF800000, 0xFC347E7C)), ("bf16", 16, 104, None, (0x7F800000, 0x7F800000)),
    ("f16", 16, 103, 1 << 16, (0x7FFFFFFF, 0x49776BBA)), ("e4m3", 32, 104, 0x7F, (0xEC63D12A, 0x452AF963)),
    ("e5m2", 32, 300, 0x7C, (0x4D92B09A, 0x4C9C1102)), ("e2m3", 32, 301, 0x40, (0xC29DD800, 0x449D14C1)),
    ("e3m2", 32, 302, 0x40, (0x52C9EC63, 0xC33B7700)), ("e2m1", 32, 303, 0x10, (0xC1FE0000, 0xDC3B62A3)),
]:
    rng = random.Random(seed)
    for n, d in enumerate(words):
        one = (lambda: word(rng)) if limit is None else (lambda: rng.getrandbits(16)) if limit == 1 << 16 else (lambda: rng.randrange(limit))
        a, b = [one() for _ in range(k)], [one() for _ in range(k)]
        add(f"{name} {n}", KIND.get(name, f"f8f6f4.{name}"), name, a, name, b, word(rng), d)

rng = random.Random(700)
for n, d in enumerate((0x4429730B, 0xC30545D3)):
    a, b, c = draw(rng, 64, 16), draw(rng, 64, 16), word(rng)
    add(f"nvfp4 {n}", "mxf4nvf4.ue4m3", "e2m1", a, "e2m1", b, c, d, draw(rng, 4, 0x77), draw(rng, 4, 0x77))
for kind, k, scales, seed, d in [
    ("mxf8f6f4.e2m1", 32, 1, 910, 0x3F094000), ("mxf4", 64, 2, 920, 0x46BA8000),
    ("mxf4nvf4.ue8m0", 64, 2, 921, 0x40580000), ("mxf4nvf4.ue8m0", 64, 4, 922, 0xC6A88896),
]:
    rng = random.Random(seed)
    a, b = draw(rng, k, 16), draw(rng, k, 16)
    sa, sb = [[rng.randrange(115, 140) for _ in range(scales)] for _ in "ab"]
    add(f"{kind} {scales} scales", kind, "e2m1", a, "e2m1", b, 0, d, sa, sb)

# One product, the rest zero.
for name, k, one, least, nan, inf, least_word in [
    ("tf32", 8, 0x3F800000, 0x2000, 0x7FC00000, 0x7F800000, 0x2000), ("bf16", 16, 0x3F800000, 0x10000, 0x7FC00000, 0x7F800000, 0x10000),
    ("f16", 16, 0x3C00, 1, 0x7E00, 0x7C00, 0x33800000), ("e4m3", 32, 0x38, 1, 0x7F, None, 0x3B000000), ("e5m2", 32, 0x3C, 1, 0x7F, 0x7C, 0x37800000),
]:
    cases = [("zero and c -0", 0, 0, 1 << 31, 0), ("smallest subnormal", least, one, 0, least_word), ("NaN", nan, one, 0, 0x7FFFFFFF)]
    if inf is not None:
        cases += [("infinity", inf, one, 0, 0x7F800000), ("infinity times zero", inf, 0, 0, 0x7FFFFFFF)]
    if name == "tf32":
        cases.append(("NaN with its payload in dropped bits", 0x7F800001, one, 0, 0x7F800000))
    for case, a, b, c, d in cases:
        add(f"{name} {case}", KIND[name], name, [a] + [0] * (k - 1), name, [b] + [0] * (k - 1), c, d)

add("nvfp4 NaN scale", "mxf4nvf4.ue4m3", "e2m1", [1] * 64, "e2m1", [1] * 64, 0, 0x7FFFFFFF, [0x7F, 0x38, 0x38, 0x38], [0x38] * 4)
add("mxf8f6f4 NaN scale", "mxf8f6f4.e2m1", "e2m1", [1] * 32, "e2m1", [1] * 32, 0, 0x7FFFFFFF, [0xFF], [0x7F])
nibbles = lambda s: [int(c, 16) for c in s]
add("nvfp4 carry within four products", "mxf4nvf4.ue4m3",
    "e2m1", nibbles("eeb608f9ab39f7e02615a8647c6b1c6dbb86c8c5041f16f52465a7b701adbfe7"),
    "e2m1", nibbles("6cb289b43d299c187263d29a59f5a8608dd2cc52834ff11aba5bf3bea571178a"),
    0x094E5986, 0x49FCAFB7, [0x09, 0x7C, 0x6D, 0x44], [0x07, 0x78, 0x26, 0x79])
add("FP16 result, NaN operand", "f8f6f4.f16out.e2m1.e4m3", "e2m1", [1] * 32, "e4m3", [0x7F] + [0] * 31, 0, 0x7FFF)
add("FP16 result, NaN c", "f8f6f4.f16out.e2m1.e4m3", "e2m1", [0] * 32, "e4m3", [0] * 32, 0x7E00, 0x7FFF)

head = {"source": "https://github.com/sf-tensor/tcgen05 6f19f227c2c6386d11ae21177b1347e9ebd07d3c, tcgen05_model/validation.py", "licence": "MIT, b200.LICENSE"}
path = pathlib.Path(__file__).with_name("b200.json")
path.write_text(json.dumps(head)[:-1] + ', "vectors": [\n' + ",\n".join(json.dumps(v) for v in vectors) + "\n]}\n")
print(len(vectors), "vectors")
