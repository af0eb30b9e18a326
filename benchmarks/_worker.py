"""Worlds of one version of lithogen, timed in a child process (not a benchmark itself).

    python benchmarks/_worker.py [MODEL]

Answers requests `{"shape": [...], "seed": n}`, one line of JSON each, until its input ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from _common import peak_rss_mb

# One thread, whatever library asks.
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                     "NUMBA_NUM_THREADS")}


def timed_world(pipe: Any, shape: Sequence[int], seed: int, **options: Any) -> dict[str, Any]:
    """Generate a world and return what it cost.

    Parameters
    ----------
    pipe : LithologyPipeline
        Of whichever version is imported.
    shape : sequence of int
        Voxels (n_iline, n_xline, n_twt).
    seed : int
        Names the world.
    **options
        Of `lithogen.generate`; defaults otherwise.

    Returns
    -------
    dict
        voxels (of the result), steps, cpu_s, wall_s, and the peak memory of the process so far.
    """
    import lithogen

    wall, cpu = time.perf_counter(), time.process_time()
    ds = lithogen.generate(tuple(shape), seed, model=pipe, progress=False, **options)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"voxels": int(ds.lithology.size), "steps": int(ds.attrs["steps"]),
            "cpu_s": round(cpu, 3), "wall_s": round(wall, 3), "peak_rss_mb": round(peak_rss_mb())}


class Worker:
    """A child process that imports lithogen from a folder and times its worlds.

    Parameters
    ----------
    tree : Path
        Checkout that holds the package.
    cache : Path
        Receives what numba compiles.
    model : str, optional
        Folder of weights; by default those of that checkout.

    Raises
    ------
    ConfigError
        The folder holds no lithogen.
    """

    def __init__(self, tree: Path, cache: Path, model: str | None = None) -> None:
        from lithogen.errors import require

        require((tree / "lithogen" / "__init__.py").is_file(),
                f"{tree} holds no package lithogen, wanted a checkout (git worktree add)")
        self.tree = tree
        self._child = subprocess.Popen(
            [sys.executable, __file__, *([] if model is None else [model])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(tree),
                 "NUMBA_CACHE_DIR": str(cache)})

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.wait()

    def ask(self, shape: Sequence[int], seed: int) -> dict[str, Any]:
        """Return the cost of a world, see `timed_world`.

        Raises
        ------
        ResourceError
            The child ended.
        """
        from lithogen.errors import ResourceError

        to_child, answers = self._child.stdin, self._child.stdout
        line = ""
        if to_child is not None and answers is not None and self._child.poll() is None:
            print(json.dumps({"shape": list(shape), "seed": seed}), file=to_child, flush=True)
            line = answers.readline()
        if not line:
            raise ResourceError(f"the process of {self.tree} ended with status "
                                f"{self._child.wait()}; what it said stands above")
        found: dict[str, Any] = json.loads(line)
        return found


def main() -> None:
    """Serve requests until the input ends."""
    from lithogen.allocator import keep_freed_memory

    keep_freed_memory()
    import torch

    import lithogen

    torch.set_num_threads(1)
    pipe = lithogen.LithologyPipeline.from_pretrained(sys.argv[1] if sys.argv[1:] else None)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = timed_world(pipe, asked["shape"], asked["seed"])
        print(json.dumps(answer | {"package": str(Path(lithogen.__file__).parents[1])}),
              flush=True)


if __name__ == "__main__":
    main()
