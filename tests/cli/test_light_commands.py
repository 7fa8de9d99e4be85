"""Commands that load no component import no torch: all of them in one process each, listed here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
from PIL import Image

from gantk.cli import COMMANDS
from gantk.cli import gantk as group

FROM_PLUGINS = sorted(set(group.list_commands(click.Context(group))) - set(COMMANDS))
LIGHTEST = [["--help"], ["--version"], ["list"], ["list", "loss"], *([name, "--help"] for name in COMMANDS)]
LIGHTEST += [[name, "--help"] for name in FROM_PLUGINS]
COMPILER = {"torch._dynamo", "sympy"}
LIGHT = [
    ["list", "recipes"],
    ["cp", "toy_motif", "mine.yaml"],
    ["runs"],
    ["runs", "--json"],
    ["compare", "one", "two"],
    ["view", "picture.png", "-o", "seen.png"],
    ["completion", "bash"],
]


def carry_out(commands: list[list[str]], heavy: set[str], folder: Path) -> None:
    """Runs commands one after another in one process, and looks after each at what it has imported."""
    code = (
        "import sys\nfrom gantk.cli import run_command_line as run\n"
        f"for each in {commands!r}:\n"
        "    code = run(each)\n"
        f"    assert (code, {heavy!r} & set(sys.modules)) == (0, set()), (each, code, {heavy!r} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr


def test_help_and_lists_import_next_to_nothing(tmp_path: Path) -> None:
    assert len(FROM_PLUGINS) >= 4
    carry_out(LIGHTEST, {"torch", "pydantic", "matplotlib", "h5py", "numpy"}, tmp_path)


def test_what_builds_no_component_imports_no_torch(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "picture.png")
    for number, name in enumerate(("one", "two")):
        a_run(tmp_path / name, number)
    a_run(tmp_path / "runs" / "x-1", 3)
    carry_out(LIGHT, {"torch"}, tmp_path)


def test_training_leaves_the_compiler_of_torch_unloaded(tmp_path: Path) -> None:
    """Importing it takes 2 processor seconds: nets that draw, fill and scale their weights, and every optimiser."""
    runs = [["run", recipe, "train.steps=1", "evaluate=[]"] for recipe in ("toy_motif", "digits_dcgan")]
    carry_out(runs, COMPILER, tmp_path)


def test_no_optimiser_loads_the_compiler_of_torch() -> None:
    code = (
        "import sys, torch\nfrom gantk.machine import leave_compiler_unloaded\n"
        "from gantk_basics.optimizers import adam, adamw, rmsprop, sgd\nleave_compiler_unloaded()\n"
        "weight = torch.nn.Parameter(torch.ones(3))\nweight.grad = torch.ones(3)\n"
        "for optimizer in (adam, adamw, rmsprop, sgd):\n"
        "    made = optimizer([weight])\n"
        "    made.step(), made.zero_grad(), made.load_state_dict(made.state_dict())\n"
        f"    assert not {COMPILER!r} & set(sys.modules), optimizer\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def a_run(folder: Path, number: int) -> None:
    """A run folder with as much as a list or a comparison reads."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "resolved.yaml").write_text(f"about: number {number}\nseed: {number}\ntrain: {{steps: 10}}\n")
    value = {"value": number / 4, "better": "higher", "reference": 1.0, "note": ""}
    (folder / "evaluation.json").write_text(json.dumps({"values": {"m": {"share": value}}}))
    (folder / "history.jsonl").write_text('{"time": "2026-01-02T03:04:05+00:00", "event": "judged", "step": 10}\n')


def test_proteins_of_help_are_those_that_are_simulated() -> None:
    from gantk_cells.commands.simulate_cells import PROTEINS
    from gantk_cells.data import simulation

    assert PROTEINS == simulation.PROTEINS
