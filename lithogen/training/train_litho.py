"""Train LithoNet on procedural worlds: flow matching with clean-latent prediction."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.conditioning import N_ALL_CONTROLS, N_CONDITION
from lithogen.config import write_json, write_manifest
from lithogen.errors import require
from lithogen.latent import N_LATENT, channel_scales, decode_latent, simplex_code
from lithogen.models.litho_net import LithoNet
from lithogen.models.stored import another, load_denoiser, with_scale
from lithogen.sampling import denoise
from lithogen.training.config import LithoTraining
from lithogen.training.distil import followed, load_teacher, taught
from lithogen.training.loss import flow_loss
from lithogen.training.parallel import (
    Ranks,
    check_same_weights,
    joined,
    mean_figure,
    mean_gradients,
)
from lithogen.training.quality import quality_table
from lithogen.training.state import load_checkpoint, save_checkpoint
from lithogen.training.worlds import (
    Batch,
    CachedWorld,
    draw_batch,
    latent_statistics,
    make_worlds,
)
from lithogen.wells.project import N_WELL
from lithogen.world import latent_scale

log = logging.getLogger(__name__)

MODEL_FOLDER = "model"
ARCHITECTURE = ("patch", "coarsen", "widths", "n_blocks", "kernels", "token_kernels",
                "n_voxel", "n_hidden", "taps", "lift", "n_embedding")
SamplePicture = Callable[[Path, NDArray[np.int8], NDArray[np.int8]], None]


@dataclass
class _Run:
    """What a run carries from step to step."""

    recipe: LithoTraining
    folder: Path
    ranks: Ranks
    model: LithoNet
    average: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    mean: Tensor
    std: Tensor
    worlds: list[CachedWorld]
    teacher: LithoNet | None = None
    begun_from: str = ""
    step: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.ranks.device


def train(
    config_path: Path | str, out_folder: Path | str, resume: bool = False, progress: bool = True,
    *, on_sample: SamplePicture | None = None, stop_after: int | None = None,
    worlds: list[CachedWorld] | None = None, init: Path | str | None = None,
) -> dict[str, float]:
    """Train stage 1 and write `out_folder/model` (weights, configuration, manifest).

    Parameters
    ----------
    config_path : TOML recipe, see `LithoTraining`.
    out_folder : receives log.jsonl, TensorBoard events, checkpoint, samples and model.
    resume : go on from the folder's checkpoint; the result is that of one run.
    progress : show progress bars.
    on_sample : called with (path, truth, sample) facies sections to draw a picture.
    stop_after : stop (with a checkpoint) after this step, for tests.
    worlds : models to learn from instead of procedural worlds, each at least as large as a crop.
    init : folder of weights to start from; their architecture goes before the recipe's.

    Returns
    -------
    Last logged figures: loss, learning rate, gradient norm, voxels per second, memory. The
    quality table is the last line of log.jsonl and stands in the manifest.

    Raises
    ------
    ConfigError : the recipe is wrong.
    WeightsError : nothing to resume from, or another architecture.
    """
    recipe = LithoTraining.from_toml(config_path)
    folder = Path(out_folder)
    folder.mkdir(parents=True, exist_ok=True)
    with joined() as ranks:
        run = _start(recipe, folder, ranks, progress, worlds, init)
        recipe = run.recipe
        if resume:
            run.step = load_checkpoint(folder, run.model, run.average, run.optimizer)
            log.info("resumed at step %s", run.step)
        check_same_weights(run.model, ranks)
        last = min(recipe.n_steps, stop_after if stop_after is not None else recipe.n_steps)
        if not ranks.is_first:
            while run.step < last:
                _one_step(run, lambda _: None)
            return run.figures
        write_json(folder / "recipe.json", recipe.to_dict())
        with _writers(folder, run.step) as write, _bar(progress, "training", last) as advance:
            advance(run.step)
            _first_process(run, last, write, advance, on_sample)
    return run.figures


def _first_process(
    run: _Run, last: int, write: Callable[[dict[str, Any]], None], advance: Callable[[int], None],
    on_sample: SamplePicture | None,
) -> None:
    """Train to a step; sample, save and export on the way."""
    recipe = run.recipe
    while run.step < last:
        _one_step(run, write)
        advance(1)
        if run.step % recipe.sample_every == 0:
            _sample(run, write, on_sample)
        if run.step % recipe.save_every == 0 or run.step == last:
            save_checkpoint(run.folder, run.step, run.model, run.average, run.optimizer,
                            recipe.to_dict())
    if run.step >= recipe.n_steps:
        _export(run, write)


def _start(
    recipe: LithoTraining, folder: Path, ranks: Ranks, progress: bool,
    worlds: list[CachedWorld] | None, init: Path | str | None,
) -> _Run:
    if worlds is None:
        with _bar(progress, "worlds", recipe.n_worlds) as advance:
            worlds = make_worlds(recipe, "train", recipe.n_worlds, lambda _: advance(1))
    begun_from = ""
    if init is None:
        mean, std = latent_statistics(worlds)
        model = new_model(recipe, mean, std)
    else:
        model, begun_from = load_denoiser(Path(init))
        if recipe.rescale:
            model = with_scale(model, *latent_statistics(worlds))
        mean, std = latent_scale(model)
        recipe = with_architecture(recipe, dict(model.config))
    # What no crop was told must not be told later.
    is_told = recipe.unknown_controls < 1.0 and any(w.scenario is not None for w in worlds)
    model.register_to_config(knows_scenario=is_told)  # type: ignore[no-untyped-call]
    model.train().to(device=ranks.device, memory_format=torch.channels_last_3d)  # type: ignore[call-arg]
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay,
        betas=(0.9, 0.98),
    )
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    teacher = load_teacher(recipe, mean, std)
    if teacher is not None:
        teacher.to(ranks.device)  # type: ignore[arg-type]
        model.register_to_config(  # type: ignore[no-untyped-call]
            levels=recipe.levels, renewed=recipe.renewed)
    return _Run(recipe, folder, ranks, model, average, optimizer, mean, std, worlds, teacher,
                begun_from)


def with_architecture(recipe: LithoTraining, config: dict[str, Any]) -> LithoTraining:
    """Return a recipe that tells the architecture of given weights, whatever it told before.

    Parameters
    ----------
    config : configuration of the weights' LithoNet; lists or tuples.

    Raises
    ------
    ConfigError : crop_shape does not fit that architecture.
    """
    def plain(value: Any) -> Any:
        return tuple(map(plain, value)) if isinstance(value, list | tuple) else value

    found = {name: plain(config[name]) for name in ARCHITECTURE}
    return replace(recipe, **found, head="facies" if config["codes"] else "latent")


def new_model(recipe: LithoTraining, mean: Tensor, std: Tensor) -> LithoNet:
    """Return an untrained network of a recipe; its weights depend on `recipe.seed` alone.

    Parameters
    ----------
    mean, std : standardisation of the latent, each (n_latent,).
    """
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model: LithoNet = LithoNet(
            n_latent=N_LATENT, n_condition=N_CONDITION, n_controls=N_ALL_CONTROLS, n_well=N_WELL,
            patch=recipe.patch, coarsen=recipe.coarsen, widths=recipe.widths,
            n_blocks=recipe.n_blocks, kernels=recipe.kernels,
            token_kernels=recipe.token_kernels, n_voxel=recipe.n_voxel,
            n_hidden=recipe.n_hidden, taps=recipe.taps, lift=recipe.lift,
            n_embedding=recipe.n_embedding,
            latent_mean=tuple(mean.tolist()), latent_std=tuple(std.tolist()),
            codes=tuple(map(tuple, simplex_code().tolist())) if recipe.head == "facies" else (),
            scales=tuple(channel_scales().tolist()),
        )
    return model


def learning_rate(recipe: LithoTraining, step: int) -> float:
    """Return the learning rate of a step: linear warm-up, flat, linear fall to 2 %."""
    warm = min(1.0, (step + 1) / recipe.warm_up)
    begin = recipe.decay_from * recipe.n_steps
    fall = max(0.0, (step - begin) / max(recipe.n_steps - begin, 1.0))
    return recipe.learning_rate * warm * (1.0 - 0.98 * min(fall, 1.0))


def _is_low_precision(recipe: LithoTraining, device: torch.device) -> bool:
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    # Without hardware support a bfloat16 convolution on a CPU is some 300 times slower.
    return device.type == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def _micro_batches(run: _Run) -> Iterator[Batch]:
    """Draw the crops of a step in parts, each only when it is needed, to save memory.

    Parts are numbered through all processes: N of them with a batch each draw what one process
    with N batches would.
    """
    recipe = run.recipe
    n_parts = -(-recipe.batch // recipe.micro_batch)
    for part in range(n_parts):
        size = min(recipe.micro_batch, recipe.batch - part * recipe.micro_batch)
        drawn = draw_batch(replace(recipe, batch=size), run.worlds, run.mean, run.std, run.step,
                           run.ranks.rank * n_parts + part).to(run.device)
        yield drawn if run.teacher is None else taught(
            followed(drawn, run.model, recipe.levels), run.teacher, recipe)


def _one_step(run: _Run, write: Callable[[dict[str, Any]], None]) -> None:
    recipe, begin = run.recipe, time.perf_counter()
    rate = learning_rate(recipe, run.step)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    is_low = _is_low_precision(recipe, run.device)
    run.optimizer.zero_grad(set_to_none=True)
    loss = error = sigma = torch.zeros((), device=run.device)
    for part in _micro_batches(run):
        share = len(part.sigma) / recipe.batch
        with torch.autocast(run.device.type, torch.bfloat16, enabled=is_low):
            found, plain = flow_loss(run.model, part, recipe)
        (share * found).backward()  # type: ignore[no-untyped-call]
        loss, error = loss + share * found.detach(), error + share * plain.detach()
        sigma = sigma + share * part.sigma.mean()
    mean_gradients(run.model, run.ranks)
    norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), recipe.clip_norm)
    require(bool(torch.isfinite(norm)), f"gradient is not finite at step {run.step}; "
            "lower learning_rate")
    run.optimizer.step()
    with torch.no_grad():
        decay = min(recipe.ema, (1.0 + run.step) / (10.0 + run.step))
        for name, value in run.model.state_dict().items():
            run.average[name].lerp_(value, 1.0 - decay)
    run.step += 1
    seconds = time.perf_counter() - begin
    if run.step % recipe.log_every == 0 or run.step == 1:
        run.figures = {
            **{name: float(mean_figure(value, run.ranks)) for name, value in
               (("loss", loss), ("clean_mse", error), ("sigma", sigma))},
            "learning_rate": rate,
            "gradient_norm": float(norm),
            "voxels_per_s": run.ranks.count * recipe.batch * float(np.prod(recipe.crop_shape))
            / seconds,
            "memory_mb": psutil.Process().memory_info().rss / 1e6,
        }
        write({"step": run.step, **run.figures})


def _sample(
    run: _Run, write: Callable[[dict[str, Any]], None], on_sample: SamplePicture | None
) -> None:
    """Sample one held-out crop with the averaged weights; log its facies and draw them."""
    worlds = make_worlds(run.recipe, "test", 1)
    batch = draw_batch(run.recipe, worlds, run.mean, run.std, 10**9)
    model = averaged_model(run.model, run.average)
    with torch.inference_mode():
        latent = denoise(model, batch.noise[:1].to(run.device), batch.condition[:1].to(run.device),
                         batch.controls[:1].to(run.device), 4)
    made, _ = decode_latent(latent[0].cpu(), run.mean, run.std)
    truth, _ = decode_latent(batch.latent[0], run.mean, run.std)
    row = made.shape[0] // 2
    write({"step": run.step, "sample": True,
           "label_agreement": float((made == truth).mean()), "image": made[row].T})
    if on_sample is not None:
        on_sample(run.folder / f"sample_{run.step:06d}.png", truth[row], made[row])


def averaged_model(model: LithoNet, average: dict[str, Tensor]) -> LithoNet:
    """Return a copy of a model with the averaged weights, in evaluation mode."""
    copy = another(model).to(next(model.parameters()).device)  # type: ignore[arg-type]
    copy.load_state_dict(average)
    ready: LithoNet = copy.eval()
    return ready


def _export(run: _Run, write: Callable[[dict[str, Any]], None]) -> None:
    """Write averaged weights in half precision, with configuration, quality and manifest."""
    model = averaged_model(run.model, run.average)
    quality = quality_table(model, run.recipe, run.mean, run.std, run.worlds)
    write({"step": run.step, "quality": quality})
    export_model(model, run.folder / MODEL_FOLDER, {
        "recipe": run.recipe.to_dict(), "init_sha256": run.begun_from, "steps": run.step,
        "last_figures": run.figures, "quality": quality,
    })


def export_model(model: LithoNet, folder: Path, about: dict[str, Any]) -> None:
    """Save a model for shipping: float16 safetensors, config.json and MANIFEST.json."""
    model.cpu().half().save_pretrained(folder)  # type: ignore[no-untyped-call]
    name = "diffusion_pytorch_model.safetensors"
    # safetensors writes mode 0600; installed weights must be readable by every user.
    (folder / name).chmod(0o644)
    write_manifest(folder, [name, "config.json"], about)


@contextmanager
def _writers(folder: Path, step: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that writes one record to log.jsonl and to TensorBoard, if installed.

    Records after `step`, of a run that was stopped later than its last checkpoint, are dropped.
    """
    path = folder / "log.jsonl"
    text = path.read_text(encoding="utf-8") if step and path.is_file() else ""
    # The last line of a killed run may be torn.
    kept = [line for line in text.splitlines(keepends=True)
            if line.endswith("\n") and json.loads(line)["step"] <= step]
    path.write_text("".join(kept), encoding="utf-8")
    try:
        from torch.utils.tensorboard import SummaryWriter

        board: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
    except ImportError:
        log.warning("tensorboard is not installed; logging to log.jsonl only")
        board = None
    with open(path, "a", encoding="utf-8") as handle:

        def write(record: dict[str, Any]) -> None:
            image = record.pop("image", None)
            handle.write(json.dumps(record) + "\n")
            handle.flush()
            if board is None:
                return
            for name, value in record.items():
                if isinstance(value, (int, float)) and name != "step":
                    board.add_scalar(name, float(value), record["step"])
            if image is not None:
                board.add_image("facies", image[None] / 10.0, record["step"])

        try:
            yield write
        finally:
            if board is not None:
                board.close()


@contextmanager
def _bar(is_shown: bool, label: str, total: int) -> Iterator[Callable[[int], None]]:
    if not is_shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        yield lambda n: bar.advance(task, n)
