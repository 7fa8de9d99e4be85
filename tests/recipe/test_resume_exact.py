"""Every shipped recipe, stopped in the middle and resumed, is the run that never stopped: bit for bit.

What a recipe is made small by is found from its resolved values, so that a new recipe is tested without a line here.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gantk
from gantk.recipe.find_file import shipped
from gantk.recipe.recipe import load
from gantk.training.checkpoint import read_checkpoint

RECIPES = sorted(name for name in shipped() if "/" not in name)
SOON = {
    "digits_dcgan",
    "dna_planted",
    "lin_dcgan",
    "lin_r3gan",
    "lin_starshaped",
    "ring_minibatch",
    "toy_motif",
    "toy_motif_wgan",
}
"""One of each kind of net, loss and optimiser: these are tried in `make test`, all others in `make test-long`."""

SMALL: dict[str, Any] = {
    "data.cells": 12,
    "data.test_cells": 4,
    "data.samples": 200,
    "data.limit": 200,
    "generator.width": 8,
    "critic.width": 8,
    "loss.r1_every": 2,  # due on both sides of the stop
    "loss.gamma_every": 2,
    "train.batch": 8,
}
FIXED = {
    "train.steps": 6,
    "train.checkpoint_every": 3,
    "train.sample_every": 100,
    "train.samples": 2,
    "train.keep": 9,
    "evaluate": [],
    "train.keep_best": None,
    "machine.threads": 1,
}


def made_small(name: str, folder: Path) -> dict[str, Any]:
    """Overrides under which a recipe trains in seconds, on data that are here."""
    values = load(name).values
    changes = dict(FIXED)
    for key, value in SMALL.items():
        block, _, parameter = key.partition(".")
        own = (values.get(block) or {}).get(parameter)
        if isinstance(own, int) and own > value:
            changes[key] = value
    return changes | data_for(values["data"], folder)


def data_for(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Overrides of `data` where a recipe's files do not come with gantk: made cells, noise, or the test data."""
    if data["use"] == "basics/images":
        (folder / "images").mkdir()
        for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (30, 40, 40, 3), np.uint8)):
            Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        everything = {"flips": "both", "rotations": 90, "shift": 0.1, "zoom": 0.1, "brightness": 0.1, "noise": 0.1}
        return {"data.root": str(folder / "images"), "data.memory": "stream", "data.augment": everything}
    if data["use"] == "cells/lin":
        proteins = data["proteins"] or ["Alp14", "Tea1"]
        made = {"use": "cells/simulated", "layout": data["layout"], "proteins": list(proteins), "cells": 12}
        return {"data": made | {"test_cells": 4}}
    found: dict[str, Any] = {}
    for key in ("path", "root", "file"):
        if data.get(key) is not None and not Path(data[key]).exists():
            found[f"data.{key}"] = str(real(Path(data[key]).name, folder))
    return found


def real(name: str, folder: Path) -> Path:
    """The file or folder of that name in the test data."""
    home = Path(os.environ.get("GANTK_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    for path in (home / name, *sorted(home.glob(f"*/{name}"))):
        if path.exists():
            return path
    pytest.skip(f"{name} is not in the test data at {home}: set GANTK_TEST_DATA to their folder")


def all_tensors(path: Path) -> dict[str, bytes]:
    """Everything that trains: weights, buffers, averages and what the optimisers keep."""
    found = read_checkpoint(path)
    nets = {f"{net}.{key}": array for net, each in found.tensors.items() for key, array in each.items()}
    kept = {
        f"{side}.{number}.{key}": array
        for side, each in found.optimizers.items()
        for number, arrays in each["state"].items()
        for key, array in arrays.items()
    }
    return {key: array.tobytes() for key, array in (nets | kept).items()}


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=[] if each in SOON else [pytest.mark.slow, pytest.mark.long]) for each in RECIPES],
)
def test_stopped_and_resumed_is_the_run_that_never_stopped(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    whole = gantk.run(name, made_small(name, tmp_path), out="whole", quiet=True)
    shutil.copytree("whole", "stopped")
    from gantk.runs.start import resume

    resume(Path("stopped"), older="step-3.h5")
    expected, found = (all_tensors(Path(run, "checkpoints", "step-6.h5")) for run in ("whole", "stopped"))
    assert expected.keys() == found.keys()
    assert [key for key in expected if expected[key] != found[key]] == []
    assert whole.folder.checkpoint_path(3).exists()


def test_the_recipes_of_make_test_are_there() -> None:
    assert set(RECIPES) >= SOON
