"""Worlds and surveys that the benchmarks of stage 2 share (not a benchmark itself)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from forward import synthesize
from lithogen.allocator import keep_freed_memory
from lithogen.diffusion.pipeline import LithologyOutput, LithologyPipeline
from lithogen.errors import LithogenError, ResourceError, require
from lithogen.grid import Window
from lithogen.structure import Structure

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("LITHOGEN_DATA", ROOT.parent / "shared" / "data"))
DT_S = 0.004
ANGLES_DEG = (5.0, 15.0, 25.0)
# Seeds are kept apart: what a wavelet is made on is never what it is judged on.
SPECTRA_SEED, REFLECTIVITY_SEED, REFINE_SEED, HELD_OUT_SEED = 0, 1000, 2000, 3000
# Windows from time zero and from 0.5 s on.
WORLD_SHAPE, WORLD_STARTS = (64, 64, 304), (0, 128)
SURVEYS = {
    "npra_31_81": "npra/npra_31_81_PR.sgy",
    "f3_inline_362": "f3/f3_export_inline362.ascii",
    "f3_very_small": "f3/F3_very_small.sgy",
    "f3_ebcidctest": "f3/f3-ebcidctest.sgy",
    "f3_withdead": "f3/f3-withdead.sgy",
}
Earth = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


class RememberingPipeline(LithologyPipeline):
    """A pipeline that computes a window once, for surveys that look at the same world."""

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        self._seen: dict[Any, list[tuple[Window, LithologyOutput]]] = {}

    def tiles(
        self, structure: Structure, window: Window, *, seed: int, **options: Any
    ) -> Iterator[tuple[Window, LithologyOutput]]:
        """Yield what `LithologyPipeline.tiles` yields."""
        key = (seed, structure.seed, window, *sorted(options.items()))
        if key not in self._seen:
            self._seen[key] = list(super().tiles(structure, window, seed=seed, **options))
        yield from self._seen[key]

    def forget(self) -> None:
        """Free the tiles."""
        self._seen.clear()


def load_pipeline(model: Path | None) -> RememberingPipeline:
    """Return the pipeline of a folder of weights, by default of the shipped ones.

    Raises
    ------
    WeightsError : missing, corrupt, or of another architecture.
    """
    # Tiles free and ask for the same large blocks: a third of the time would be page faults.
    keep_freed_memory()
    return cast(RememberingPipeline, RememberingPipeline.from_pretrained(model))


def earth(pipe: RememberingPipeline, first_seed: int, place: int) -> Earth:
    """Return vp, vs and rho of a window of the world that `first_seed + place` names.

    Raises
    ------
    LithogenError : a value is not finite.
    """
    seed = first_seed + place
    start = WORLD_STARTS[place % len(WORLD_STARTS)]
    window = Window((0, 0, start), WORLD_SHAPE)
    found: LithologyOutput = pipe(Structure.random(seed), window, seed=seed)
    pipe.forget()
    for name in ("vp", "vs", "rho"):
        bad = int((~np.isfinite(getattr(found, name))).sum())
        require(bad == 0, f"{name} of seed {seed} has {bad} non-finite samples", ResourceError)
    return found.vp, found.vs, found.rho


def coefficients(model: Earth) -> NDArray[np.floating]:
    """Return the reflectivity whose mean over the angles the full stack shows."""
    vp, vs, rho = model
    stacks = synthesize(vp=vp, vs=vs, rho=rho, wavelet=[1.0], angles_deg=ANGLES_DEG, dt_s=DT_S)
    return np.asarray(stacks.mean(axis=0))


def read_survey(name: str) -> NDArray[np.float32] | None:
    """Return a survey as (..., n_twt), 4 ms, or None where its file is absent."""
    import seismic_io

    path = DATA / SURVEYS[name]
    if not path.exists():
        return None
    if path.suffix == ".ascii":
        traces: NDArray[np.float32] = seismic_io.read_ascii_export(path, DT_S)[0]
        return traces
    with seismic_io.open_segy(path) as cube:
        require(abs(cube.dt_s - DT_S) < 1e-9, f"{path.name} has dt_s {cube.dt_s}, wanted {DT_S}")
        return np.asarray(cube.read(), dtype=np.float32)


def live_traces(seismic: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return traces (n, n_twt) without those that are dead or hold a non-finite sample."""
    rows = seismic.reshape(-1, seismic.shape[-1])
    live: NDArray[np.float32] = rows[np.isfinite(rows).all(axis=1) & (rows != 0).any(axis=1)]
    return live


def reason(error: LithogenError) -> str:
    """Return an error as one short line."""
    return f"{type(error).__name__}: {error}"
