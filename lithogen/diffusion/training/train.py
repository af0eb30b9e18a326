"""Train the network of rows: likelihood of facies, whitening and flow of residuals."""

from __future__ import annotations

import json
import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import Tensor

from lithogen.config import write_json, write_manifest
from lithogen.diffusion.lattice import LEVELS, N_LEVELS
from lithogen.diffusion.network import RowNetwork
from lithogen.diffusion.precision import is_bfloat16_fast
from lithogen.diffusion.stored import WEIGHTS_NAME, entries_of, load_network
from lithogen.diffusion.training.columns import (
    Batch,
    CellSource,
    Diagrams,
    draw_batch,
    joined_batch,
    prior_diagram,
)
from lithogen.diffusion.training.loss import LevelLosses, draw_noise, level_losses
from lithogen.diffusion.training.recipe import RowTraining
from lithogen.diffusion.training.sharpening import sharpen
from lithogen.diffusion.training.state import load_checkpoint, require_checkpoint, save_checkpoint
from lithogen.errors import require
from lithogen.rng import generator, stream_key

log = logging.getLogger(__name__)

MODEL_FOLDER = "model"
# Cells a level that decide when a level stops.
JUDGED_CELLS, JUDGED_NOISE = 4096, 4
WORLDS_A_TASK = 50
Advance = Callable[[int], None]


@dataclass
class _Run:
    """What a run carries from step to step."""

    recipe: RowTraining
    folder: Path
    model: RowNetwork
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    best_loss: Tensor
    best_step: Tensor
    optimizer: torch.optim.Optimizer
    worlds: CellSource
    replay: CellSource | None
    held_out: Batch
    begun_from: str = ""
    step: int = 0
    figures: dict[str, Any] = field(default_factory=dict)

    def extra(self) -> dict[str, Tensor]:
        """What a checkpoint holds besides weights and optimiser."""
        return {"best_loss": self.best_loss, "best_step": self.best_step,
                **{f"best/{name}": value for name, value in self.best.items()}}


def train(
    recipe: RowTraining, out_folder: Path | str, *, resume: bool = False, progress: bool = True,
    stop_after: int | None = None, worlds: tuple[Diagrams, Diagrams] | None = None,
    init: Path | None = None, workers: int = 1,
) -> dict[str, Any]:
    """Train stage 1 and write `out_folder/model` (weights, configuration, manifest).

    Parameters
    ----------
    recipe : RowTraining
        What to do.
    out_folder : Path or str
        Receives log.jsonl, recipe.json, the checkpoint and the model.
    resume : bool
        Go on from the folder's checkpoint; the result is that of one run, bit for bit.
    progress : bool
        Show progress bars.
    stop_after : int, optional
        Stop, with a checkpoint, after this step.
    worlds : tuple of two Diagrams, optional
        To learn from and to hold out, instead of the prior's. Where these hold the middle
        position alone, a share `replay` of every step is cells of the prior's worlds beside a
        known position, told no scenario, so that it stays known how rock changes sideways.
    init : Path, optional
        Folder of weights to start from; their widths go before the recipe's.
    workers : int
        Processes that make the prior's worlds.

    Returns
    -------
    dict
        Held-out losses of every level at its own best.

    Raises
    ------
    WeightsError
        Nothing to resume from, or weights of another kind.
    """
    folder = Path(out_folder)
    # What would fail later fails before worlds are made.
    begin = None if init is None else load_network(init)
    if resume:
        require_checkpoint(folder)
    folder.mkdir(parents=True, exist_ok=True)
    prior = None
    if worlds is None or worlds[0].facies.shape[2] == 1:
        with _bar(progress, "worlds", recipe.n_worlds + recipe.n_held_out) as advance:
            prior = prior_diagrams(recipe, "train", recipe.n_worlds, workers, advance)
            if worlds is None:
                held_out = prior_diagrams(recipe, "test", recipe.n_held_out, workers, advance)
                worlds, prior = (prior, held_out), None
    run = _start(recipe, folder, worlds, prior, begin)
    if not resume:
        # Level by level it stays at what it starts from, where nothing is learned.
        _judge(run, lambda _: None)
    if resume:
        extra = run.extra()
        run.step = load_checkpoint(folder, run.model, run.average, run.optimizer, extra)
        log.info("resumed at step %s", run.step)
    last = min(recipe.n_steps, stop_after if stop_after is not None else recipe.n_steps)
    write_json(folder / "recipe.json", recipe.to_dict())
    with (_log(folder, run.step) as write, _bar(progress, "training", last) as advance,
          ThreadPoolExecutor(1) as beside):
        advance(run.step)
        # The cells of the next step are drawn while this one is learned from.
        ahead = beside.submit(_draw, run, run.step)
        while run.step < last:
            drawn = ahead.result()
            ahead = beside.submit(_draw, run, run.step + 1)
            _one_step(run, *drawn, write)
            advance(1)
            if run.step % recipe.judge_every == 0 or run.step == recipe.n_steps:
                _judge(run, write)
            if run.step % recipe.save_every == 0 or run.step == last:
                save_checkpoint(folder, run.step, run.model, run.average, run.optimizer,
                                run.extra())
        if run.step >= recipe.n_steps:
            _export(run, write)
    return run.figures


def prior_diagrams(
    recipe: RowTraining, stream: str, count: int, workers: int = 1,
    advance: Advance = lambda _: None,
) -> Diagrams:
    """Return the Wheeler diagrams of a stream of the prior's worlds, the same for any `workers`.

    Parameters
    ----------
    recipe : RowTraining
        Gives seed and rows.
    stream, count
        "train" or "test", and how many worlds.
    workers : int
        Processes that share the work.
    advance : callable
        Called with the number of worlds just made.
    """
    tasks = [range(first, min(first + WORLDS_A_TASK, count))
             for first in range(0, count, WORLDS_A_TASK)]
    make = partial(_some_diagrams, recipe.seed, recipe.n_rows, stream)
    parts = []
    if workers == 1:
        for task in tasks:
            parts.append(make(task))
            advance(len(task))
        return Diagrams.joined(parts)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        for part in pool.map(make, tasks):
            # Tensors of other processes are backed by files, of which there may be too many.
            parts.append(Diagrams(*(v.clone() for v in part.tensors())))
            advance(len(part))
    return Diagrams.joined(parts)


def _some_diagrams(seed: int, n_rows: int, stream: str, numbers: range) -> Diagrams:
    return Diagrams.joined([prior_diagram(seed, number, n_rows, stream) for number in numbers])


def new_network(recipe: RowTraining) -> RowNetwork:
    """Return an untrained network; its weights depend on the recipe alone."""
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model: RowNetwork = RowNetwork(width=recipe.width, head_width=recipe.head_width)
    return model


def _start(
    recipe: RowTraining, folder: Path, worlds: tuple[Diagrams, Diagrams], prior: Diagrams | None,
    begin: tuple[RowNetwork, str] | None,
) -> _Run:
    model, begun_from = (new_network(recipe), "") if begin is None else begin
    # What no cell was told must not be told later.
    is_told = recipe.unknown < 1.0 and bool((worlds[0].world != 0.0).any())
    model.register_to_config(knows_scenario=is_told)  # type: ignore[no-untyped-call]
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate,
                                  weight_decay=recipe.weight_decay, betas=(0.9, 0.98))
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    best = {name: value.clone() for name, value in average.items()}
    judged = draw_batch(CellSource(worlds[1]), JUDGED_CELLS,
                        generator(recipe.seed, "diffusion/judge", 0))
    source = CellSource(worlds[0])
    idle = [level.stride for level in LEVELS
            if not source.has(level) or not bool(judged.weight[level.number].any())]
    require(not idle or begin is not None, f"the models are too short for rows {idle} ms apart, "
            "which keep the weights that a run starts from; pass --init shipped")
    if idle:
        log.warning("rows %s ms apart keep the weights that the run starts from: no model is long "
                    "enough to teach and to judge them", idle)
    replay = None if prior is None else CellSource(prior, only_lateral=True)
    return _Run(recipe, folder, model, average, best, torch.full((N_LEVELS,), torch.inf),
                torch.zeros(N_LEVELS), optimizer, source, replay, judged, begun_from)


def learning_rate(recipe: RowTraining, step: int) -> float:
    """Return the learning rate of a step: linear warm-up, flat, linear fall to 1 %."""
    warm = min(1.0, (step + 1) / recipe.warm_up)
    begin = recipe.decay_from * recipe.n_steps
    fall = max(0.0, (step - begin) / max(recipe.n_steps - begin, 1.0))
    return recipe.learning_rate * warm * (1.0 - 0.99 * min(fall, 1.0))


def _noise(recipe: RowTraining, stream: str, index: int, n: int) -> tuple[Tensor, Tensor]:
    key = stream_key(recipe.seed, f"diffusion/{stream}/{index}") & ((1 << 63) - 1)
    return draw_noise((N_LEVELS, n), torch.Generator().manual_seed(key))


def _one_step(run: _Run, batch: Batch, noise: tuple[Tensor, Tensor],
              write: Callable[[dict[str, Any]], None]) -> None:
    recipe, begin = run.recipe, time.perf_counter()
    rate = learning_rate(recipe, run.step)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.optimizer.zero_grad(set_to_none=True)
    is_low = recipe.precision == "bfloat16" or (
        recipe.precision == "auto" and is_bfloat16_fast())
    with torch.autocast("cpu", torch.bfloat16, enabled=is_low):
        losses = level_losses(run.model.weights(), batch, *noise)
    losses.total.sum().backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), recipe.clip_norm)
    require(bool(torch.isfinite(norm)), f"gradient is not finite at step {run.step}; "
            "lower learning_rate")
    run.optimizer.step()
    with torch.no_grad():
        keep = min(recipe.ema, (1.0 + run.step) / (10.0 + run.step))
        for name, value in run.model.state_dict().items():
            run.average[name].lerp_(value, 1.0 - keep)
    run.step += 1
    if run.step % recipe.log_every == 0 or run.step == 1:
        seconds = time.perf_counter() - begin
        write({"step": run.step, "loss": float(losses.total.detach().mean()), "learning_rate": rate,
               "gradient_norm": float(norm), "cells_per_s": N_LEVELS * recipe.batch / seconds,
               "memory_mb": psutil.Process().memory_info().rss / 1e6, **_table(losses)})


def _draw(run: _Run, step: int) -> tuple[Batch, tuple[Tensor, Tensor]]:
    """Draw cells and noise of a step."""
    recipe = run.recipe
    rng = generator(recipe.seed, "diffusion/batch", step)
    return (_draw_cells(run, rng),
            _noise(recipe, "noise", step, recipe.batch * recipe.n_noise))


def _draw_cells(run: _Run, rng: np.random.Generator) -> Batch:
    recipe = run.recipe
    if run.replay is None:
        return draw_batch(run.worlds, recipe.batch, rng, jitter=recipe.jitter,
                          unknown=recipe.unknown)
    n = round(recipe.replay * recipe.batch)
    own = draw_batch(run.worlds, recipe.batch - n, rng, jitter=recipe.jitter, unknown=1.0)
    other = draw_batch(run.replay, n, rng, jitter=recipe.jitter, unknown=1.0)
    # A level without own cells is not to drift with the prior's alone.
    has_own = own.weight.any(dim=1, keepdim=True)
    return joined_batch(own, replace(other, weight=other.weight * has_own))


def _table(losses: LevelLosses) -> dict[str, list[float]]:
    return {name: [round(float(v), 4) for v in getattr(losses, name).detach()]
            for name in ("facies", "likelihood", "velocity")}


def held_out_losses(model: RowNetwork, recipe: RowTraining, batch: Batch) -> LevelLosses:
    """Return the losses of a network on held-out cells, float32, in `JUDGED_NOISE` noise levels."""
    noise = _noise(recipe, "judge", 0, batch.facies.shape[1] * JUDGED_NOISE)
    with torch.inference_mode():
        return level_losses(model.weights(), batch, *noise)


def _judge(run: _Run, write: Callable[[dict[str, Any]], None]) -> None:
    """Look at held-out worlds; keep the averaged weights of levels that are better than before."""
    model = _with_weights(run.model, run.average)
    losses = held_out_losses(model, run.recipe, run.held_out)
    is_judged = run.held_out.weight.any(dim=1) & torch.tensor(
        [run.worlds.has(level) for level in LEVELS])
    is_better = is_judged & (losses.total < run.best_loss)
    run.best_loss[is_better] = losses.total[is_better]
    run.best_step[is_better] = float(run.step)
    for name, value in run.average.items():
        run.best[name][is_better] = value[is_better]
    write({"step": run.step, "held_out": True, "loss": float(losses.total.detach().mean()),
           **_table(losses), "best_step": [int(v) for v in run.best_step]})


def _with_weights(model: RowNetwork, state: dict[str, Tensor]) -> RowNetwork:
    copy: RowNetwork = RowNetwork(**entries_of(model))
    copy.load_state_dict(state)
    copy.eval()
    return copy


def _export(run: _Run, write: Callable[[dict[str, Any]], None]) -> None:
    """Write every level at its own best, with configuration, held-out losses and manifest."""
    model = _with_weights(run.model, run.best)
    sharpen(model, run.recipe.sharpen, run.worlds.shares())
    losses = held_out_losses(model, run.recipe, run.held_out)
    run.figures = {"held_out_loss": round(float(losses.total.detach().mean()), 4), **_table(losses),
                   "strides": [level.stride for level in LEVELS],
                   "best_step": [int(v) for v in run.best_step]}
    write({"step": run.step, "quality": run.figures})
    export_network(model, run.folder / MODEL_FOLDER, {
        "recipe": run.recipe.to_dict(), "init_sha256": run.begun_from, "quality": run.figures})


def export_network(model: RowNetwork, folder: Path, about: dict[str, Any]) -> None:
    """Save a network for shipping: float16 safetensors, config.json and MANIFEST.json."""
    model.half().save_pretrained(folder)  # type: ignore[no-untyped-call]
    # safetensors writes mode 0600; installed weights must be readable by every user.
    (folder / WEIGHTS_NAME).chmod(0o644)
    write_manifest(folder, [WEIGHTS_NAME, "config.json"], about)


@contextmanager
def _log(folder: Path, step: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that writes one record to log.jsonl.

    Records after `step`, of a run that was stopped later than its last checkpoint, are dropped.
    """
    path = folder / "log.jsonl"
    text = path.read_text(encoding="utf-8") if step and path.is_file() else ""
    # The last line of a killed run may be torn.
    kept = [line for line in text.splitlines(keepends=True)
            if line.endswith("\n") and json.loads(line)["step"] <= step]
    path.write_text("".join(kept), encoding="utf-8")
    with open(path, "a", encoding="utf-8") as handle:

        def write(record: dict[str, Any]) -> None:
            handle.write(json.dumps(record) + "\n")
            handle.flush()

        yield write


@contextmanager
def _bar(is_shown: bool, label: str, total: int) -> Iterator[Advance]:
    if not is_shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda n: bar.advance(task, n)
