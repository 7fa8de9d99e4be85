"""Runs that are killed and resumed until they end, and then compared with the run that was never killed.

Every run is a process of its own. It is forked from one that has imported everything and has started no thread, which
saves two seconds of imports each time; it then goes through the command line as any other. Most of the time of such a
small run would go into the charts of its report: three of four runs leave those empty.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import random
import re
import select
import shutil
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gantk.cli

from . import points

RECIPES = {
    "ring": """\
about: points on a ring, everything on
seed: 5
data: {use: basics/ring, samples: 300}
generator: {use: basics/mlp, latent: 4, hidden: [8]}
critic: {use: basics/mlp, hidden: [8]}
loss: {use: basics/wgan_gp}
play: {critic_steps: 1, clip_gradients: 5.0}
train: {steps: 60, batch: 8, ema: 0.9, schedule: cosine, samples: 4, sample_every: 40, checkpoint_every: 7, keep: 2,
  checkpoint_minutes: 0.0005,
  keep_best: {metric: ring_modes.high_quality}}
evaluate: [{use: basics/ring_modes, samples: 64, every: 20}]
""",
    "cells": """\
about: small simulated cells, which go through the cache
seed: 6
data: {use: cells/simulated, cells: 6, test_cells: 2, proteins: [Alp14, Arp3], height: 16, width: 24}
generator: {use: basics/mlp, latent: 4, hidden: [8]}
critic: {use: basics/mlp, hidden: [8]}
loss: {use: basics/gan}
train: {steps: 24, batch: 8, ema: 0.9, samples: 2, sample_every: 12, checkpoint_minutes: 0.0001}
""",
}
SIGNALS = (
    [signal.SIGKILL],
    [signal.SIGKILL],
    [signal.SIGTERM],
    [signal.SIGINT],
    [signal.SIGTERM, signal.SIGTERM],
    [signal.SIGINT, signal.SIGINT],
    [signal.SIGTERM, signal.SIGKILL],
)
COMMAND_LINE = gantk.cli.run_command_line
PATIENCE = 240.0  # seconds for a run of less than one, on a machine that does much else


@dataclass
class Ended:
    """How a process ended."""

    code: int  # as a shell sees it: 128 + the signal where one killed it
    text: str
    reached: bool  # whether it came to the point where it was to be killed
    killed: bool  # whether it was alive when the signal was sent


@dataclass
class Outcome:
    """What came of all the kills."""

    kills: int = 0
    runs: int = 0
    at: dict[str, int] = field(default_factory=dict)
    by: dict[str, int] = field(default_factory=dict)
    before_first_checkpoint: int = 0
    before_folder: int = 0
    faults: list[str] = field(default_factory=list)


def process(
    arguments: list[str],
    folder: Path,
    point: tuple[str, int] | None = None,
    signals: list[signal.Signals] | None = None,
    after: float = 0.0,
    gap: float = 0.0,
    charts: bool = True,
) -> Ended:
    """Runs `gantk <arguments>` in `folder`, and sends it `signals` at a point, or after some seconds."""
    assert threading.active_count() == 1 and len(list(Path("/proc/self/task").iterdir())) == 1, (
        "a fork would lose threads"
    )
    told, tell = os.pipe()
    go_on, let_go = os.pipe()
    said = folder / "said.txt"
    number = os.fork()
    if number == 0:
        os.close(told)
        os.close(let_go)
        _become(arguments, folder, said, point, tell, go_on, charts)
    os.close(tell)
    os.close(go_on)
    reached = killed = False
    if signals:
        if point:
            reached = bool(select.select([told], [], [], PATIENCE)[0]) and os.read(told, 1) == b"!"
        else:
            time.sleep(after)
        for number_of_signal in signals:
            if os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                os.kill(number, number_of_signal)
                killed = True
                time.sleep(gap)
    os.close(let_go)  # it may go on
    code = _wait(number)
    os.close(told)
    return Ended(code, said.read_text(errors="replace") if said.exists() else "", reached, killed)


def _wait(number: int) -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code
        time.sleep(0.01)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return -1


def _become(
    arguments: list[str],
    folder: Path,
    said: Path,
    point: tuple[str, int] | None,
    tell: int,
    go_on: int,
    charts: bool,
) -> None:
    """What the forked process does, in place of a new interpreter; does not return."""
    code = 99
    try:
        with said.open("w") as text:
            os.dup2(text.fileno(), 1)
            os.dup2(text.fileno(), 2)
        os.chdir(folder)
        os.environ["GANTK_CACHE"] = str(folder / "cache")
        sys.argv = ["gantk", *arguments]
        if not charts:
            from gantk import plots

            plots.to_svg = lambda *_, **__: "<svg></svg>"
        if point:
            points.install(*point, tell, go_on)
        code = COMMAND_LINE(arguments)
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def facts(run: Path) -> dict[str, Any]:
    """What must be the same, however often a run was killed: the last state, the best one, all numbers."""
    from gantk.files.run_folder import RunFolder
    from gantk.training import checkpoint

    folder = RunFolder(run)
    states = {}
    for path in (folder.last_checkpoint(), folder.best_checkpoint):
        if path.exists():
            found = checkpoint.read_checkpoint(path)
            arrays = {
                f"{group}.{name}": array for group, named in found.tensors.items() for name, array in named.items()
            }
            for side, saved in found.optimizers.items():
                for number, named in saved["state"].items():
                    arrays |= {f"{side}/{number}/{name}": array for name, array in named.items()}
            bits = {name: (str(array.dtype), array.shape, array.tobytes()) for name, array in arrays.items()}
            states[path.name] = (found.step, found.best, found.restorations, bits)
    lines = [{name: value for name, value in line.items() if name != "seconds"} for line in folder.lines()]
    return {
        "states": states,
        "steps": [line["step"] for line in lines if "critic_grad_norm" in line],
        "lines": sorted(json.dumps(line) for line in lines),
        "evaluation": json.loads(folder.evaluation.read_text()),
    }


def left_over(folder: Path) -> list[str]:
    """Temporary files."""
    return [str(path) for path in folder.rglob("*") if re.search(r"\.(part|tmp)$", path.name)]


def damage(run: Path) -> list[str]:
    """Checkpoints that cannot be read."""
    from gantk.errors import GantkError
    from gantk.training import checkpoint

    found = []
    for path in run.glob("checkpoints/[!.]*.h5"):
        try:
            checkpoint.read_checkpoint(path)
        except GantkError as error:
            found.append(str(error))
    return found


def import_everything(folder: Path) -> None:
    """Short runs, which import and warm up all that a run does, so that a fork has it."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # a process with threads must not be forked
    import torch

    torch.set_num_threads(1)
    importlib.import_module("gantk.cli.resume")
    os.environ["GANTK_CACHE"] = str(folder / "cache")
    for name, text in RECIPES.items():
        recipe = folder / f"{name}.yaml"
        recipe.write_text(text)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            COMMAND_LINE(["run", str(recipe), "-q", "--out", str(folder / name), "train.steps=2"])


class Harness:
    """Kills runs until `kills` is reached.

    Args:
        folder: for everything.
        seed: decides what is killed when.
    """

    def __init__(self, folder: Path, seed: int):
        self.folder = folder
        self.random = random.Random(seed)
        self.outcome = Outcome()
        self.expected: dict[str, dict[str, Any]] = {}
        self.seconds: dict[str, float] = {}

    def reference(self, name: str) -> None:
        """The run that is never killed; also how long it takes."""
        folder = self.folder / f"{name}-reference"
        folder.mkdir()
        (folder / "recipe.yaml").write_text(RECIPES[name])
        started = time.monotonic()
        ended = process(["run", "recipe.yaml", "--out", "run", "-q"], folder, charts=False)
        self.seconds[name] = time.monotonic() - started
        if ended.code != 0:
            raise RuntimeError(f"the run that is not killed fails:\n{ended.text}")
        self.expected[name] = facts(folder / "run")

    def case(self, number: int, kills: int) -> None:
        """One run, killed up to `kills` times."""
        chance, outcome = self.random, self.outcome
        name = "ring" if number % 4 else "cells"
        folder = self.folder / f"{name}-{number}"
        folder.mkdir()
        (folder / "recipe.yaml").write_text(RECIPES[name])
        run, history = folder / "run", []
        for _ in range(kills):
            there = (run / "resolved.yaml").exists()
            arguments = ["resume", "run"] if there else ["run", "recipe.yaml", "--out", "run"]
            signals = chance.choice(SIGNALS)
            possible = [point for point in points.POINTS if name == "cells" or point != "cache"]
            point = (chance.choice(possible), chance.choice((1, 1, 2, 3))) if chance.random() < 0.6 else None
            if point and point[0] in ("best", "cut back", "evaluation", "report", "cache"):
                point = (point[0], 1)
            ended = process(
                arguments,
                folder,
                point,
                signals,
                after=chance.uniform(0.0, 1.1 * self.seconds[name]),
                gap=chance.choice((0.0, 0.02, 0.2)),
                charts=number % 4 == 2,
            )
            at = f"{point[0]} {point[1]}" if point else "some time"
            names = "+".join(each.name for each in signals)
            history.append(f"{arguments[0]}: {names} at {at} -> {ended.code}")
            if ended.killed:
                outcome.kills += 1
                outcome.by[names] = outcome.by.get(names, 0) + 1
                where = point[0] if point and ended.reached else "some time"
                outcome.at[where] = outcome.at.get(where, 0) + 1
                outcome.before_folder += not (run / "resolved.yaml").exists()
                outcome.before_first_checkpoint += not list(run.glob("checkpoints/[st]*-*.h5"))
            allowed = {0, 137, 143} if signal.SIGTERM in signals else {0, 130, 137}
            if ended.code not in allowed:
                self._fault(history, f"exit code {ended.code}:\n{ended.text}")
            if "Traceback" in ended.text:
                self._fault(history, f"a traceback:\n{ended.text}")
            for text in damage(run):
                self._fault(history, text)
        self._compare(name, folder, history, charts=number % 4 == 2)
        outcome.runs += 1

    def _compare(self, name: str, folder: Path, history: list[str], charts: bool) -> None:
        run = folder / "run"
        arguments = ["resume", "run"] if (run / "resolved.yaml").exists() else ["run", "recipe.yaml", "--out", "run"]
        ended = process(arguments, folder, charts=charts)
        if ended.code != 0:
            self._fault(history, f"the last {arguments[0]} ends with {ended.code}:\n{ended.text}")
            return
        found, expected = facts(run), self.expected[name]
        wrong = [what for what in expected if found[what] != expected[what]]
        if wrong:
            self._fault(history, f"other than the run that was never killed: {', '.join(wrong)}")
        if left_over(folder):
            self._fault(history, f"left over: {left_over(folder)}")
        if "</html>" not in (run / "report.html").read_text():
            self._fault(history, "half a report")
        if not wrong:
            shutil.rmtree(folder)

    def _fault(self, history: list[str], text: str) -> None:
        self.outcome.faults.append("\n".join([*history, text]))
