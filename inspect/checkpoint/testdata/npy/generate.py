"""Writes the .npy goldens and what numpy reads back from them.

pip install numpy==2.4.6 ml-dtypes==0.6.0
"""
import io
import json
import pathlib

import ml_dtypes
import numpy as np

HERE = pathlib.Path(__file__).parent
PINNED = {"numpy": "2.4.6", "ml_dtypes": "0.6.0"}
assert np.__version__ == PINNED["numpy"] and ml_dtypes.__version__ == PINNED["ml_dtypes"]

SMALL = [[0, 1, 2], [3, 4, 125]]
EDGES = [[0.0, -0.0, 1.5], [np.inf, -np.inf, 0.0009765625]]
arrays = {
    "bool": np.array([[True, False, True], [False, False, True]]),
    "scalar": np.array(3.25, "<f4"),
    "empty": np.zeros((2, 0), "<f4"),
    "one": np.array([7], "<i8"),
    "fortran3": np.asfortranarray(np.arange(24, dtype="<i2").reshape(2, 3, 4)),
    "bfloat16": np.array(EDGES, ml_dtypes.bfloat16),
    "bits16": np.array([[0x3F80, 0xFFFF]], "<u2"),
    "wide_i8": np.array([2**24 + 1, -(2**53) - 1, 5], "<i8"),
    "wide_u8": np.array([2**64 - 1, 0], "<u8"),
    "wide_f8": np.array([0.1, 1e300, 0.5], "<f8"),
}
for kind in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"):
    source = EDGES if kind[0] == "f" else SMALL
    for order in "<>" if kind[1] != "1" else "|":
        for layout in "CF":
            name = f"{kind}_{ {'<': 'little', '>': 'big', '|': 'byte'}[order]}_{layout}"
            arrays[name] = np.array(source, order + kind, order=layout)


def text(value):
    return np.format_float_scientific(np.float32(value), trim="-") if np.isfinite(value) else str(np.float32(value))


expected = {"versions": PINNED, "files": {}}
for name, array in arrays.items():
    np.save(HERE / f"{name}.npy", array)
    with np.errstate(over="ignore"):
        values = [text(v) for v in array.ravel(order="C").astype(np.float32)]
    expected["files"][name] = {"descr": array.dtype.str, "shape": list(array.shape), "values": values}
for version in ((2, 0), (3, 0)):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.array(SMALL, "<f4"), version=version)
    name = f"version{version[0]}"
    (HERE / f"{name}.npy").write_bytes(out.getvalue())
    expected["files"][name] = {"descr": "<f4", "shape": [2, 3], "values": [text(v) for v in np.array(SMALL).ravel()]}
(HERE / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
