"""What a user waits for beside training: starting, checkpoints, samples, what happens between steps; and memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

import gantk
from benchmarks.cases import Case
from benchmarks.data import seconds
from benchmarks.measure import compare
from gantk.interfaces import Loss
from gantk.runs import trainer
from gantk.sampling import draw_like
from gantk.spec import DataSpec
from gantk.training import checkpoint
from gantk.training.state import Held, State, held_by

FIRST_STEP = """
import json, sys, time
from gantk.machine import prepare_environment
prepare_environment()
from gantk import build
from gantk.recipe import load
from gantk.training import train
values = load("lin_starshaped", ["data.cells=300"]).values
began = time.time()
data = build.datasets(values)["train"]
preparing = time.time() - began
state = build.state(values, data.spec, "cpu")
next(train(state, data, seed=0, steps=9, batch=16))
print(json.dumps(time.time() - float(sys.argv[1]) - preparing))
"""

MEMORY = """
import json, resource, sys
import torch
from benchmarks import memory
print(json.dumps(memory.measure(int(sys.argv[1]), int(sys.argv[2]))))
"""


def child(code: str, *arguments: object) -> Any:
    """What a fresh process prints as JSON."""
    root = Path(__file__).parents[1]
    called = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return json.loads(subprocess.run(called, check=True, capture_output=True, text=True, cwd=root).stdout)


def starting() -> list[dict[str, Any]]:
    """Commands that are typed often, and the first step of a run."""
    found = []
    for words, limit in ((["--help"], None), (["list"], 0.3)):
        command = [sys.executable, "-m", "gantk", *words]
        times = [seconds(lambda c=command: subprocess.run(c, check=True, capture_output=True)) for _ in range(7)]
        entry = {"case": f"gantk {' '.join(words)}", "value": statistics.median(times), "unit": "s"}
        found.append(entry | ({} if limit is None else {"at_most": limit}))
    found.append(
        {"case": "gantk list beside bare imports of what it needs", "unit": "times", "at_most": 1.8} | list_ratio()
    )
    times = [child(FIRST_STEP, time.time()) for _ in range(3)]
    first = {"case": "first step of lin_starshaped after the start, data apart", "unit": "s", "at_most": 5.0}
    return [*found, first | {"value": statistics.median(times)}]


def list_ratio(rounds: int = 15) -> dict[str, float]:
    """How many times as long `gantk list` takes as its imports alone, in turn, medians."""
    bare = [sys.executable, "-c", "import click, rich.table, rich.console, pluggy, importlib.metadata"]
    whole = [sys.executable, "-m", "gantk", "list"]
    times: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(rounds):
        for number, command in enumerate((bare, whole)):
            times[number].append(seconds(lambda c=command: subprocess.run(c, check=True, capture_output=True)))
    return {"value": statistics.median(times[1]) / statistics.median(times[0])}


def checkpoints(millions: int) -> list[dict[str, Any]]:
    """Writing and reading so many million parameters with their Adam state."""

    class Wide(nn.Module):
        latent_shape = (1,)

        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.ParameterList(torch.zeros(1_000_000) for _ in range(millions // 2))

    nets, spec = (Wide(), Wide()), DataSpec(shape=(1,), axes=("x",), range=None)
    adams = [torch.optim.Adam(net.parameters()) for net in nets]
    for net, adam in zip(nets, adams, strict=True):
        for weight in net.parameters():
            weight.grad = torch.zeros_like(weight)
        adam.step()
    state = State(nets[0], nets[1], Loss(), None, *adams)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "step-1.h5"
        written = seconds(lambda: checkpoint.write_checkpoint(path, state, recipe="", spec=spec, plugins={}))
        made: dict[str, Any] = {}
        read = seconds(lambda: made.update(kept=checkpoint.read_checkpoint(path)))
        read += seconds(lambda: checkpoint.restore(made["kept"], state))
        size = path.stat().st_size / 2**20
    held = held_by(state)
    sides = {
        "gantk": lambda: (held.non_finite(), held.copied()),
        "clones": lambda: [each.clone() for each in all_of(held)],
    }
    stop = compare(sides, rounds=9, seconds=10, busy_ok=True)["seconds"]
    about = f"checkpoint of {millions} M parameters with Adam, {size:,.0f} MB"
    return [
        {"case": f"{about}, write", "value": written, "unit": "s"},
        {"case": f"{about}, read", "value": read, "unit": "s"},
        {"case": f"{about}, the loop stops for", "value": stop["gantk"]["median"], "unit": "s"},
        {"case": f"{about}, a copy of the tensors", "value": stop["clones"]["median"], "unit": "s"},
    ]


def all_of(held: Held) -> list[torch.Tensor]:
    """All tensors of a checkpoint."""
    nets = [value for each in held.tensors.values() for value in each.values()]
    return nets + [
        value
        for saved in held.optimizers.values()
        for values in saved["state"].values()
        for value in values.values()
        if isinstance(value, torch.Tensor)
    ]


def sampling() -> list[dict[str, Any]]:
    """Samples of the star-shaped generator."""
    case = Case("starshaped", "gan", (6, 2, 48, 80), 16)
    state, data = case.state(), case.data()

    def draw() -> None:
        draw_like(state.generator, data, 256, seed=0, purpose="benchmark", device=torch.device("cpu"))

    draw()
    images = 256 * 6 / min(seconds(draw) for _ in range(3))
    return [{"case": "sample, star-shaped width 16, images of 2 × 48 × 80", "value": images, "unit": "1/s"}]


def between_steps(steps: int = 200) -> list[dict[str, Any]]:
    """Share of a run that logging, pictures and checkpoints take: one of each in `steps`, more than by default."""
    spent, usual = {"between": 0.0, "training": 0.0}, trainer.Session._between_steps
    training = trainer.Session._train

    def counted(self: Any, *arguments: Any) -> None:
        began = time.perf_counter()
        usual(self, *arguments)
        spent["between"] += time.perf_counter() - began

    def whole(self: Any) -> None:
        began = time.perf_counter()
        training(self)
        spent["training"] += time.perf_counter() - began

    trainer.Session._between_steps, trainer.Session._train = counted, whole
    try:
        with tempfile.TemporaryDirectory() as name:
            every = [f"train.{what}={steps}" for what in ("steps", "sample_every", "checkpoint_every")]
            gantk.run("lin_starshaped", [*every, "evaluate=[]", "data.cells=600"], out=Path(name) / "run")
    finally:
        trainer.Session._between_steps, trainer.Session._train = usual, training
    share = spent["between"] / spent["training"]
    return [
        {"case": "lin_starshaped: logging, a picture, a checkpoint in 200 steps", "share": share, "target_share": 0.03}
    ]


def memory(width: int, batch: int) -> list[dict[str, Any]]:
    """Peak of a star-shaped WGAN-GP run over what is counted."""
    found = child(MEMORY, width, batch)
    about = f"peak of starshaped wgan_gp, width {width}, batch {batch}, {found['peak_mb']:.0f} MB"
    return [
        {"case": f"{about}, over the count", "value": found["peak_mb"] / found["count_mb"], "at_most": 1.3, "unit": "×"}
    ]


def run(*, long: bool, busy_ok: bool) -> list[dict[str, Any]]:
    """The whole set."""
    found = starting() + checkpoints(10) + (checkpoints(100) if long else [])
    return found + sampling() + between_steps() + memory(16, 64) + (memory(64, 64) if long else [])
