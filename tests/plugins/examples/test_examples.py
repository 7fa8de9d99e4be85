"""The examples in `examples/`: a distribution of their own, here installed and found by real processes; each runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from tests.helpers.forks import run_forked

EXAMPLES = Path(__file__).parents[3] / "examples"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the examples are installed."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(EXAMPLES)], check=True)
    return target


@pytest.fixture
def environment(installed: Path) -> dict[str, str]:
    """In which Python finds them."""
    return {
        **os.environ,
        "PYTHONPATH": str(installed),
        "OMP_NUM_THREADS": "1",
        "GANTK_CACHE": str(installed / "cache"),
        "GANTK_STRICT": "1",
    }


@pytest.fixture
def call(environment: dict[str, str], installed: Path, forks: Path, tmp_path: Path) -> Callable[..., str]:
    """What `gantk` with these words prints; it must succeed."""

    def gantk(*words: str | Path) -> str:
        done = run_forked(forks, words, tmp_path, environment, installed)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return gantk


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["digits_cyclegan"])
def test_recipes_run(recipe: str, call: Callable[..., str], tmp_path: Path) -> None:
    steps = ("train.steps=12", "train.sample_every=6", "train.batch=16", "train.checkpoint_every=6")
    call("validate", f"examples/{recipe}")
    call("run", f"examples/{recipe}", "--out", tmp_path / "run", *steps)
    call("resume", tmp_path / "run", "train.steps=18")
    judged = json.loads(call("evaluate", tmp_path / "run", "--json"))
    assert judged["step"] == 18


def test_a_generator_that_is_given_pictures_is_sampled_with_those_of_the_test_split(
    call: Callable[..., str], tmp_path: Path
) -> None:
    few = ("data.of.cells=40", "data.of.test_cells=10", "data.of.height=16", "data.of.width=24")
    steps = ("train.steps=4", "train.batch=8", "train.sample_every=4")
    run = tmp_path / "run"
    call("run", "examples/cells_pix2pix", *few, *steps, "--out", run)
    call("sample", run, "-n", "6", "-o", "made.h5")
    with h5py.File(tmp_path / "made.h5") as file:
        assert file["samples"].shape == file["condition"].shape == (6, 1, 16, 24)


def test_streamed_images_with_the_other_parts(call: Callable[..., str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label in ("lying", "upright"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(60):
            image = Image.fromarray(rng.integers(0, 256, (14, 12), dtype=np.uint8))
            image.save(tmp_path / "images" / label / f"{number}.png")
    data = ("data.use=examples/folder", f"data.root={tmp_path / 'images'}", "data.size=12")
    steps = ("train.steps=6", "train.sample_every=3", "train.batch=8", "evaluate.0.require=null", "evaluate.0.steps=20")
    call("run", "zoo/digits_acgan", *data, *steps, "--out", tmp_path / "run")
    assert (tmp_path / "run" / "samples" / "generated.png").exists()
    call("sample", "run", "-n", "5", "--label", "upright", "-o", "made.h5")
    with h5py.File(tmp_path / "made.h5") as file:
        assert file["labels"][:].tolist() == [1] * 5


@pytest.mark.long
def test_they_keep_the_rules(environment: dict[str, str], tmp_path: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, EXAMPLES / "tests"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "passed" in done.stdout and "failed" not in done.stdout
