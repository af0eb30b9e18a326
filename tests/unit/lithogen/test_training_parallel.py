"""Parallel training: two processes hold the same weights, those of one with both batches."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lithogen.errors import ConfigError
from lithogen.training import parallel

ROOT = Path(__file__).resolve().parents[3]
N_STEPS = 5
N_ROWS = 8
# Sums of gradients in another order: single precision, carried through five steps of AdamW,
# whose first steps divide every gradient by its own size.
PARALLEL_TOLERANCE = 2e-5
# Both fail on a refusal, the second a moment after the first.
GRACE_S = 30.0

RECIPE = """
seed = 4
n_worlds = 2
world_shape = [16, 16, 24]
crop_shape = [12, 12, 16]
margin = [2, 2, 2]
batch = 2
micro_batch = 1
n_steps = 1000
warm_up = 2
widths = [8, 8]
n_blocks = [1, 1, 1]
n_embedding = 8
log_every = 1
save_every = 2
precision = "float32"
"""
TRAINING = """
import sys
from lithogen.training.train_litho import train
recipe, out, last = sys.argv[1:4]
train(recipe, out, progress=False, stop_after=int(last), resume=len(sys.argv) > 4)
"""
WORKER = """
import sys
from pathlib import Path
from safetensors.torch import save_file
sys.path.insert(0, {here!r})
from test_training_parallel import batch_of, make_net, steps
from lithogen.training import parallel

with parallel.joined() as ranks:
    net = make_net(first_weight=0.5 if len(sys.argv) > 2 and ranks.rank else 0.0)
    parallel.check_same_weights(net, ranks)
    steps(net, ranks, lambda step: [batch_of(step, ranks.rank)])
    parallel.check_same_weights(net, ranks)
    save_file(net.state_dict(), Path(sys.argv[1]) / f"{{ranks.rank}}.safetensors")
"""


def make_net(first_weight=0.0):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(6, 16), nn.SiLU(), nn.Linear(16, 2))
    with torch.no_grad():
        net[0].weight[0, 0] += first_weight
    return net


def batch_of(step, rank):
    generator = torch.Generator().manual_seed(100 * step + rank)
    return torch.randn(N_ROWS, 6, generator=generator)


def steps(net, ranks, batches):
    """Five steps of AdamW on the mean square of the output; return the last loss."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    for step in range(N_STEPS):
        loss = net(torch.cat(batches(step))).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parallel.mean_gradients(net, ranks)
        optimizer.step()
    return parallel.mean_figure(loss, ranks)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_two(folder, command, timeout_s=300):
    """Run a command as two processes of one run; return (exit status, stderr) of each."""
    common = os.environ | {
        "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
        "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(ROOT)}
    texts = [folder / f"{rank}.txt" for rank in range(2)]
    started = []
    for rank, text in enumerate(texts):
        with text.open("w") as file:
            started.append(subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, stderr=file,
                env=common | {"RANK": str(rank), "LOCAL_RANK": str(rank)}))
    end = time.monotonic() + timeout_s
    try:
        # As torchrun does: one that dies ends the other, which would wait for it for ever.
        while any(process.poll() is None for process in started) and time.monotonic() < end:
            if any(process.poll() for process in started):
                end = min(end, time.monotonic() + GRACE_S)
            time.sleep(0.1)
    finally:
        for process in started:
            process.kill()
    return [(process.wait(), text.read_text())
            for process, text in zip(started, texts, strict=True)]


@pytest.mark.slow
def test_two_processes_are_one_with_both_batches(tmp_path) -> None:
    worker = WORKER.format(here=str(Path(__file__).parent))
    for status, text in run_two(tmp_path, ["-c", worker, str(tmp_path)]):
        assert status == 0, text
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in range(2))
    alone = make_net()
    ranks = parallel.Ranks(0, 1, torch.device("cpu"))
    steps(alone, ranks, lambda step: [batch_of(step, rank) for rank in range(2)])
    moved = make_net().state_dict()
    for name, wanted in alone.state_dict().items():
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], wanted, rtol=0, atol=PARALLEL_TOLERANCE)
        assert not torch.allclose(first[name], moved[name], rtol=0, atol=PARALLEL_TOLERANCE)


@pytest.mark.slow
def test_processes_with_other_weights_are_refused(tmp_path) -> None:
    worker = WORKER.format(here=str(Path(__file__).parent))
    for status, text in run_two(tmp_path, ["-c", worker, str(tmp_path), "differ"]):
        assert status != 0
        assert "RanksError: weights 0.weight of 1 processes differ" in text


@pytest.mark.slow
def test_two_processes_train_and_resume_as_one_with_twice_the_batch(tmp_path) -> None:
    # Slow to import, and the other workers import this module.
    from lithogen.training.train_litho import train

    (tmp_path / "two.toml").write_text(RECIPE)
    (tmp_path / "one.toml").write_text(RECIPE.replace("\nbatch = 2", "\nbatch = 4"))
    command = ["-c", TRAINING, str(tmp_path / "two.toml"), str(tmp_path / "two")]
    # Two launches: a run is joined once a process, as its launcher's port serves one run.
    for last in (["2"], ["4", "resume"]):
        for status, text in run_two(tmp_path, command + last):
            assert status == 0, text
    train(tmp_path / "one.toml", tmp_path / "one", progress=False, stop_after=4)
    two, one = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("two", "one"))
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=PARALLEL_TOLERANCE,
                                   msg=lambda text, name=name: f"{name}: {text}")
    losses = [[json.loads(line)["loss"] for line in (tmp_path / name / "log.jsonl").open()]
              for name in ("one", "two")]
    assert len(losses[1]) == 4
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_one_process_alone_keeps_its_gradients() -> None:
    net = make_net()
    net(batch_of(0, 0)).square().mean().backward()
    before = [p.grad.clone() for p in net.parameters()]
    with parallel.joined() as ranks:
        assert (ranks.rank, ranks.count, ranks.is_first) == (0, 1, True)
        parallel.mean_gradients(net, ranks)
        parallel.check_same_weights(net, ranks)
    for parameter, wanted in zip(net.parameters(), before, strict=True):
        assert torch.equal(parameter.grad, wanted)


@pytest.mark.parametrize(("name", "text"), [("RANK", "two"), ("RANK", "3"), ("WORLD_SIZE", "0")])
def test_launcher_variables_that_make_no_sense_are_refused(monkeypatch, name, text) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigError, match="torchrun"), parallel.joined():
        pass
