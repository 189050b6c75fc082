"""Start processes and measure each until it ends.

pip install torch==2.14.0 safetensors==0.8.0
python bench_start.py BINARY

BINARY is fp4tui. Prints the median of 11 starts in ms, or of 3 where one takes longer than a second.
"""

import subprocess
import sys
import time
from statistics import median


def measure(args):
    times = []
    while len(times) < (4 if times and times[0] > 1 else 12):
        start = time.perf_counter()
        subprocess.run(args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return median(times[1:]) * 1e3


def main(binary):
    load = ["run", "-c", "c = load tour:minilm-w4a16", "-c", "lint c"]
    for args in (
        [binary, "--version"], [binary, "doctor"], [binary, *load],
        [sys.executable, "-c", "pass"], [sys.executable, "-c", "import safetensors.numpy"],
        [sys.executable, "-c", "import torch"],
    ):
        name = "fp4tui" if args[0] == binary else "python"
        print(f"{name} {' '.join(args[1:]):60} {measure(args):.1f}")


if __name__ == "__main__":
    main(sys.argv[1])
