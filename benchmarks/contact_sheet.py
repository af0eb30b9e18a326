"""Contact sheet: sections and time slices of many worlds in one picture, to be looked at.

Run: python benchmarks/contact_sheet.py [--first 0] [--n 24] [--preset NAME] [--real]
[--out results/contact_sheet.png]. With --real a row of real sections (NPRA line 31-81, USGS; F3
inline 362, NAM, NLOG/TNO and dGB, CC BY-SA 3.0) of the data folder stands below.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _realism as base
import numpy as np
from _common import RESULTS, report
from _worlds import live_traces, read_survey
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lithogen.allocator import keep_freed_memory
from lithogen.config import atomic_path
from lithogen.grid import Spacing, Window
from lithogen.rockphysics.facies import FACIES
from lithogen.scenario import RANDOM_RANGES, Scenario
from viz.contact_sheet import SheetPlace, SheetWorld, plot_contact_sheet

SLICE_SAMPLE = 260
SECTION_ILINE = 150
# Words for a control far below and far above the middle of its range.
WORDS = {
    "net_to_gross": ("muddy", "sandy"), "carbonate_share": ("", "limy"),
    "bed_scale": ("thin beds", "thick beds"), "lateral_change": ("even facies", "facies change"),
    "channels": ("", "channels"), "faulting": ("unfaulted", "faulted"),
    "folding": ("flat", "folded"), "thickness_variation": ("even layers", "wedging"),
    "unconformities": ("", "unconformities"), "tuff_share": ("", "tuffaceous"),
    "coal_share": ("", "coaly"), "evaporite_share": ("", "evaporitic"),
    "cyclicity": ("", "cyclic"), "clinoforms": ("", "clinoforms"),
    "regional_dip_deg": ("", "dipping"), "growth": ("", "growth faults"),
    "polygonal": ("", "polygonal"), "lobes": ("", "lobes"), "deltas": ("", "deltas"),
    "buildups": ("", "build-ups"), "karst": ("", "karst"), "mass_transport": ("", "slides"),
    "canyons": ("", "canyons"), "salt": ("", "salt"), "hydrocarbons": ("", "gas and oil"),
    "water_depth_m": ("", "deep water"), "burial_m": ("shallow", "deeply buried"),
}  # fmt: skip


def ranked_words(scenario: Scenario) -> list[str]:
    """Return words for the controls of a world, the one nearest to its limit first."""
    found = []
    for name, (below, above) in WORDS.items():
        low, high = RANDOM_RANGES[name]
        place = 2.0 * (float(getattr(scenario, name)) - low) / (high - low) - 1.0
        word = above if place > 0 else below
        if word:
            found.append((abs(place), word))
    return [word for _, word in sorted(found, reverse=True)]


def sheet_world(seed: int, preset: str | None) -> SheetWorld:
    """Return the panels of one world."""
    scenario = base.scenario_of(seed, preset)
    n_xline, n_twt = base.SECTION_TRACES, base.SECTION_SAMPLES
    section = base.world(seed, scenario, Window((SECTION_ILINE, 0, 0), (1, n_xline, n_twt)), 0.004)
    plane = base.world(seed, scenario, Window((0, 0, SLICE_SAMPLE), (n_xline, n_xline, 1)), 0.004)
    seismic = base.seismic_section(seed, section)
    cut = base.SECTION_CUT
    words = ranked_words(scenario)
    return SheetWorld(
        f"seed {seed}: {', '.join(words[:3])}", section.facies[0, :, cut],
        (section.vp * section.rho)[0, :, cut], seismic[:, cut], plane.facies[:, :, 0],
        (", ".join(words[3:6]), f"{scenario.basin}, {scenario.fault_style}"),
    )  # fmt: skip


def real_sections() -> list[tuple[str, NDArray[np.float32]]]:
    """Return the real sections that the data folder holds, cut to the height of the worlds'."""
    out = []
    for name, title in (("npra_31_81", "real: NPRA line 31-81 (USGS)"),
                        ("f3_inline_362", "real: F3 inline 362, CC BY-SA 3.0")):
        survey = read_survey(name)
        if survey is not None:
            traces = live_traces(survey)
            first = min(base.SECTION_CUT.start, traces.shape[1] - 400)
            out.append((title, traces[:, first : first + 400]))
    return out


def to_palette(path: Path) -> None:
    """Write a PNG again with 256 colours of its own: a third of the bytes, the same pixels."""
    with Image.open(path) as picture:
        about = {key: str(value) for key, value in picture.info.items() if isinstance(value, str)}
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    notes = PngInfo()
    for key, value in about.items():
        notes.add_text(key, value)
    with atomic_path(path) as temporary:
        few.save(temporary, optimize=True, pnginfo=notes)


def write_sheet(
    name: str, worlds: Sequence[SheetWorld], place: SheetPlace, path: Path,
    figure: tuple[float, str, int], **looks: Any,
) -> None:
    """Draw a sheet to a file and print one JSON line.

    Parameters
    ----------
    name : of the benchmark. worlds, place, looks : as in `plot_contact_sheet`.
    figure : value, its unit and the number of worlds that it is a mean of.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    plot_contact_sheet(worlds, FACIES, place, path=path, **looks)
    if path.suffix.lower() == ".png":
        to_palette(path)
    report(name, *figure, file=path.name, megabytes=round(path.stat().st_size / 1e6, 2))


def main() -> None:
    """Draw the sheet and print one JSON line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--first", type=int, default=0, help="seed of the first world")
    options.add_argument("--n", type=int, default=24, help="number of worlds")
    options.add_argument("--preset", default=None, help="name of a scenario preset")
    options.add_argument("--real", action="store_true", help="add a row of real sections")
    options.add_argument("--out", type=Path, default=RESULTS / "contact_sheet.png")
    args = options.parse_args()
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)
    begin = time.monotonic()
    worlds = [sheet_world(seed, args.preset) for seed in range(args.first, args.first + args.n)]
    seconds = time.monotonic() - begin
    place = SheetPlace(Spacing(), base.SECTION_CUT.start * 0.004, SLICE_SAMPLE * 0.004,
                       SECTION_ILINE)
    write_sheet("contact_sheet", worlds, place, args.out,
                (round(seconds / args.n, 3), "s per world", args.n),
                surveys=real_sections() if args.real else ())


if __name__ == "__main__":
    main()
