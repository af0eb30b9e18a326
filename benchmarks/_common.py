"""What the benchmarks share: one JSON line, the machine in words, memory, the results folder."""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results"
BASELINE = Path(__file__).with_name("baseline.json")
# Other strata of a structure have seeds so far apart.
OTHER_STRATA = 5000


def machine() -> str:
    """Return processor kind, cores and versions that the figures depend on."""
    import torch

    return (f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}, "
            f"{os.cpu_count()} cores, torch {torch.__version__}, "
            f"{torch.get_num_threads()} threads")


def peak_rss_mb() -> float:
    """Return the largest resident size of this process in MB."""
    from lithogen.allocator import peak_memory_bytes

    return peak_memory_bytes() / 1e6


def parser(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has."""
    out = argparse.ArgumentParser(description=text)
    out.add_argument("--model", default=None, help="folder of stage-1 weights")
    return out


def strata_option(options: argparse.ArgumentParser) -> None:
    """Add --strata: how many sets of strata of the prior are the reference."""
    options.add_argument("--strata", type=int, default=6, choices=range(2, 65), metavar="N",
                         help="sets of strata of the prior, 2 to 64")


def strata_seeds(seed: int, count: int) -> dict[str, int]:
    """Return names of sets of strata and the seed of each in the structure of a seed."""
    return {f"prior{number}": seed + number * OTHER_STRATA for number in range(count)}


def report(name: str, value: float | None, unit: str, n: int, **more: Any) -> None:
    """Print the one JSON line, beside the committed baseline of the same name."""
    line = {"name": name, "value": value, "unit": unit, "n": n, "machine": machine(), **more}
    if BASELINE.is_file():
        known = json.loads(BASELINE.read_text(encoding="utf-8"))
        if name in known:
            line["baseline"] = known[name]
    print(json.dumps(line))
