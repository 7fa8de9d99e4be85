"""Two processes of one run are one process with the same batches; what happens to one happens to both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gantk.cli import run_command_line as command_line
from gantk.data import Resident, Wrapped
from gantk.errors import GantkError, Interrupted, RecipeError
from gantk.files.atomic import read_lines
from gantk.runs.signals import Interruption
from gantk.training import TrainSettings, checkpoint
from gantk.training.batches import BalancedOrder, Batches, Order
from gantk.training.distributed.process_group import RENDEZVOUS, joined
from gantk.training.distributed.ranks import LAUNCHER, Ranks, _orphaned
from gantk.training.loop import train
from gantk.training.state import State, held_by

from . import small

RING = """\
about: points on a ring
seed: 3
data: {use: basics/ring, samples: 60}
generator: {use: basics/mlp, latent: 4, hidden: [8]}
critic: {use: basics/mlp, hidden: [8]}
loss: {use: basics/wgan_gp}
play: {critic_steps: 1, generator_optimizer: {use: basics/sgd, lr: 0.05}, critic_optimizer: {use: basics/sgd, lr: 0.05}}
train: {steps: 8, batch: 8, ema: 0.9, samples: 2, sample_every: 100, checkpoint_every: 2, keep: 9}
machine: {threads: 1}
"""
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every scene of __main__.py has been played."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "ring.yaml").write_text(RING)
    command = [sys.executable, "-m", "tests.training.distributed", str(folder)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "GANTK_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    played = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900)
    assert played.returncode == 0, played.stderr
    return folder


def codes(scenes: Path, name: str) -> list[int]:
    return json.loads((scenes / "codes.json").read_text())[name]


def said(scenes: Path, name: str) -> str:
    """What all processes of a scene have said, in one line."""
    texts = [path.read_text() for path in sorted(scenes.glob(f"{name}-?.txt"))]
    return " ".join(" ".join(texts).split())


def tensors(path: Path) -> dict[str, np.ndarray]:
    found = checkpoint.read_checkpoint(path)
    return {f"{group}.{name}": value for group, inner in found.tensors.items() for name, value in inner.items()}


def furthest(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> float:
    assert first.keys() == second.keys()
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(small.LOSSES))
def test_two_ranks_are_one_rank(scenes: Path, name: str) -> None:
    assert codes(scenes, "games") == [0, 0], said(scenes, "games")
    wanted, terms = small.played(name)
    first, second = (dict(np.load(scenes / f"{name}-{rank}.npz")) for rank in (0, 1))
    assert furthest(first, second) == 0, "ranks hold the same bits"
    assert furthest(wanted, first) < 1e-12
    for rank in (0, 1):
        for line, expected in zip(json.loads((scenes / f"{name}-{rank}.json").read_text()), terms, strict=True):
            assert line == pytest.approx(expected, abs=1e-12), "terms and norms are those of the whole batch"
    untrained, _ = small.played(name, steps=0)
    assert furthest(wanted, untrained) > 1e-2, "something was trained"


@pytest.mark.slow
def test_batch_statistics_are_averaged(scenes: Path) -> None:
    """Each rank normalises its own share; the running mean is that of all shares, and no constant moves."""
    wanted, _ = small.played("hinge", steps=1, batch_norm=True)
    first, second = (dict(np.load(scenes / f"batch_norm-{rank}.npz")) for rank in (0, 1))
    assert furthest(first, second) == 0
    assert furthest(wanted, first) > 1e-6, "with batch normalisation two ranks are another computation"
    assert first["generator.constant"] == wanted["generator.constant"]
    # of the first update alone it would be the mean of the shares' means, which is the mean of the batch
    assert np.abs(first["generator.norm.running_mean"] - wanted["generator.norm.running_mean"]).max() < 0.05
    assert (first["ema.norm.running_mean"] == first["generator.norm.running_mean"]).all()


@pytest.mark.slow
def test_a_killed_rank_ends_the_other_within_seconds(scenes: Path) -> None:
    first, second = codes(scenes, "killed")
    assert second == 128 + signal.SIGKILL and first == 2
    text = said(scenes, "killed")
    assert text.count("another of the 2 processes of this run has ended") == 1, text
    assert "gantk resume killed" in text and "Traceback" not in text
    late = float((scenes / "killed-0.ended").read_text()) - float((scenes / "killed.at").read_text())
    assert late < 60, "seconds on an idle machine"
    assert "failed" in [line["event"] for line in read_lines(scenes / "killed/history.jsonl")]


@pytest.mark.slow
def test_resumed_on_one_rank_and_on_two_again(scenes: Path) -> None:
    assert codes(scenes, "alone") == [0] and codes(scenes, "again") == [0, 0], said(scenes, "again")
    assert codes(scenes, "reference") == [0]
    assert "going on from step 4 of 6" in said(scenes, "alone")
    assert "processes was 2, is 1" in said(scenes, "alone") and "processes was 1, is 2" in said(scenes, "again")
    for step in (2, 4, 6, 8):
        one, other = (tensors(scenes / run / f"checkpoints/step-{step}.h5") for run in ("reference", "killed"))
        assert furthest(one, other) < 1e-5
    lines = [list(read_lines(scenes / run / "metrics.jsonl")) for run in ("reference", "killed")]
    for one, other in zip(*([each for each in run if "critic_real" in each] for run in lines), strict=True):
        assert other | {"seconds": 0} == pytest.approx(one | {"seconds": 0}, abs=1e-4)


@pytest.mark.slow
def test_only_the_first_rank_speaks_and_writes(scenes: Path) -> None:
    assert (scenes / "again-0.out").read_text().strip() == "killed"
    assert (scenes / "again-1.out").read_text() == "" == (scenes / "again-1.txt").read_text()


@pytest.mark.slow
def test_a_signal_to_one_rank_stops_all_after_the_same_step(scenes: Path) -> None:
    assert codes(scenes, "stopped") == [143, 143], said(scenes, "stopped")
    steps = sorted(int(path.stem[5:]) for path in (scenes / "stopped/checkpoints").glob("step-*.h5"))
    assert steps[0] == 2 and steps[-1] in (3, 4), "it came during step 3, whose signals are gathered after it"
    text = said(scenes, "stopped")
    assert text.count("training was stopped") == 1 and "gantk resume stopped" in text


@pytest.mark.slow
def test_an_error_in_one_rank_is_said_once_and_ends_all(scenes: Path) -> None:
    assert all(codes(scenes, "failing"))
    text = said(scenes, "failing")
    assert text.count("the memory of this process is full") == 1 and "Traceback" not in text, text
    assert text.count("another of the 2 processes of this run has ended") == 1 and "gantk resume failing" in text
    assert checkpoint.read_checkpoint(scenes / "failing/checkpoints/step-2.h5").step == 2


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused_before_anything_is_made(scenes: Path) -> None:
    assert all(codes(scenes, "odd")) and not (scenes / "odd").exists()
    text = said(scenes, "odd")
    refusal = "error: train.batch is 9, which 2 processes cannot share equally: take 8 or 10"
    assert text.count(refusal) == 1 and "Traceback" not in text  # torch may add that the other process has gone


@pytest.mark.slow
def test_divergence_is_restored_and_ended_together(scenes: Path) -> None:
    assert codes(scenes, "diverging") == [1, 1], said(scenes, "diverging")
    text = said(scenes, "diverging")
    assert "restoration 1 of at most 1" in text and text.count("error:") == 1
    events = [line["event"] for line in read_lines(scenes / "diverging/history.jsonl")]
    assert events == ["started", "restored", "diverged"]


@pytest.mark.slow
def test_the_command_starts_its_processes_and_stops_them(tmp_path: Path) -> None:
    (tmp_path / "ring.yaml").write_text(RING)
    overrides = ["machine.devices=2", "train.steps=1000000", "train.keep=2"]
    command = [sys.executable, "-m", "gantk", "run", "ring.yaml", "--out", "run", *overrides]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 300
        while not list((tmp_path / "run").glob("checkpoints/step-*.h5")) and time.monotonic() < deadline:
            time.sleep(0.1)
        running.terminate()
        out, text = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 143, text
    assert text.count("gantk resume run") == 1 and "Traceback" not in text and not out
    assert checkpoint.read_checkpoint(sorted((tmp_path / "run/checkpoints").glob("step-*.h5"))[-1]).step > 0


def test_the_command_refuses_a_batch_before_it_starts_anything(tiny: Path, capsys: pytest.CaptureFixture) -> None:
    assert command_line(["run", str(tiny), "machine.devices=3"]) == 1
    assert "train.batch is 16, which 3 processes cannot share equally: take 15 or 18" in " ".join(
        capsys.readouterr().err.split()
    )
    assert not (tiny.parent / "runs").exists()


def test_python_does_not_start_processes_behind_your_back() -> None:
    with pytest.raises(GantkError, match="type `gantk run`, or start this script by `torchrun"), joined(2):
        pass


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_shares_make_up_the_batch(count: int) -> None:
    whole = torch.arange(24).reshape(12, 2)
    shares = [Ranks(number, count).share(whole) for number in range(count)]
    assert torch.equal(torch.cat(shares), whole)
    assert Ranks(0, count).share(None) is None


def test_a_batch_smaller_than_the_ranks_is_refused() -> None:
    with pytest.raises(RecipeError, match="take 4, or another"):
        Ranks(0, 4).share_of(2)


def test_streams_of_ranks_differ_and_the_first_is_that_of_one_alone() -> None:
    names = [Ranks(number, 3).own("layers") for number in range(3)]
    assert names[0] == Ranks().own("layers") and len(set(names)) == 3


class Half(Ranks):
    """The second of two ranks that never hears of the first."""

    def _average(self, tensors: Sequence[torch.Tensor]) -> None:
        pass


class Read(torch.utils.data.Dataset):
    """Remembers which items were asked for."""

    spec = small.SPEC

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> torch.Tensor:
        self.asked.append(index)
        return torch.full(self.spec.shape, float(index))


def test_each_rank_reads_only_its_share_of_data_that_draw_nothing() -> None:
    data = Read()
    state = small.state_of(small.Maker(), small.Judge(), small.LOSSES["hinge"]())
    list(train(state, Wrapped(data), TrainSettings(seed=5, steps=3, batch=8), ranks=Half(1, 2)))
    order = Order(30, 8, 5, "critic")
    assert data.asked == [index for draw in range(3) for index in order.draw(draw)[4:].tolist()]


def test_ranks_share_balanced_batches_as_others() -> None:
    labels = (torch.arange(60) >= 57).long()
    data = Resident(replace(small.SPEC, classes=("often", "rare")), torch.randn(60, *small.SPEC.shape), labels=labels)
    halves = [Batches(data, 8, 5, "critic", Half(rank, 2), torch.device("cpu"), labels) for rank in (0, 1)]
    for number in range(3):
        shares = [each.fetch(0, 0, number) for each in halves]
        assert [len(each) for each in shares] == [4, 4]
        whole = BalancedOrder(labels, 8, 5, "critic").draw(number)
        assert torch.equal(torch.cat([each.samples for each in shares]), data.stored[whole])
        assert int(torch.cat([each.labels for each in shares]).sum()) == 4


def test_a_request_to_stop_that_comes_twice_is_one_for_several_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Interruption(patient=True) as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)  # torchrun passes it on
        assert stop.exit_code == 130
        now[0] += 6
        with pytest.raises(Interrupted, match="without finishing the step"):
            signal.raise_signal(signal.SIGINT)


def test_processes_stop_when_the_one_that_started_them_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _orphaned()
    monkeypatch.setenv(LAUNCHER, str(os.getppid()))
    assert not _orphaned()
    monkeypatch.setenv(LAUNCHER, "1000000000")
    assert _orphaned()


def test_state_before_the_first_step_can_be_handed_out() -> None:
    """Optimisers without a state yet, too."""
    with small.float64():
        first, second = (small.state_of(small.Maker(), small.Judge(), small.LOSSES["hinge"]()) for _ in range(2))
    assert isinstance(first, State)
    image = checkpoint.to_bytes(held_by(first), recipe="", spec=small.SPEC, plugins={})
    content = checkpoint.hdf5.header(checkpoint.MAGIC, image) + bytes(image)
    checkpoint.restore(checkpoint.parsed(content, Path("handed out")), second)
    for one, other in zip(first.generator.parameters(), second.generator.parameters(), strict=True):
        assert torch.equal(one, other)


LEAVING = """
import os
import torch
from gantk.training.distributed.process_group import RENDEZVOUS, joined
with joined() as ranks:
    weight = torch.nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    torch.optim.Adam([weight]).step()  # imports what would keep the process group
    ranks.agree(None)
threads = [open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")]
print([name for name in threads if "gloo" in name])
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux lists the threads of a process there")
def test_nothing_of_the_group_is_left_when_they_take_leave(tmp_path: Path) -> None:
    """A thread of it that still works when Python ends takes the process down (SIGABRT)."""
    shared = os.environ | {"WORLD_SIZE": "2", "OMP_NUM_THREADS": "1", RENDEZVOUS: (tmp_path / "meet").as_uri()}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", LEAVING],
            env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [rank.communicate(timeout=120)[0] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0]
    assert said == ["[]\n", "[]\n"]
