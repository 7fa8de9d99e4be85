"""The examples in `examples/`: a distribution of their own, here put on the path of real processes; each runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[3] / "examples"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder into which the examples are installed, and the environment in which Python finds it."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(EXAMPLES)], check=True)
    return {
        **os.environ,
        "PYTHONPATH": str(target),
        "OMP_NUM_THREADS": "1",
        "GANTK_CACHE": str(target / "cache"),
        "GANTK_STRICT": "1",
    }


def call(environment: dict[str, str], *words: str | Path, cwd: Path) -> str:
    """What a process prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("recipe", ["digits_cyclegan"])
def test_recipes_run(recipe: str, environment: dict[str, str], tmp_path: Path) -> None:
    steps = ("train.steps=12", "train.sample_every=6", "train.batch=16", "train.checkpoint_every=6")
    call(environment, "gantk", "validate", f"examples/{recipe}", cwd=tmp_path)
    call(environment, "gantk", "run", f"examples/{recipe}", "--out", tmp_path / "run", *steps, cwd=tmp_path)
    call(environment, "gantk", "resume", tmp_path / "run", "train.steps=18", cwd=tmp_path)
    judged = json.loads(call(environment, "gantk", "evaluate", tmp_path / "run", "--json", cwd=tmp_path))
    assert judged["step"] == 18


def test_a_generator_that_is_given_pictures_is_sampled_with_those_of_the_test_split(
    environment: dict[str, str], tmp_path: Path
) -> None:
    few = ("data.of.cells=40", "data.of.test_cells=10", "data.of.height=16", "data.of.width=24")
    steps = ("train.steps=4", "train.batch=8", "train.sample_every=4")
    run = tmp_path / "run"
    call(environment, "gantk", "run", "examples/cells_pix2pix", *few, *steps, "--out", run, cwd=tmp_path)
    call(environment, "gantk", "sample", run, "-n", "6", "-o", "made.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "made.h5") as file:
        assert file["samples"].shape == file["condition"].shape == (6, 1, 16, 24)


def test_streamed_images_with_the_other_parts(environment: dict[str, str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label in ("lying", "upright"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for number in range(60):
            image = Image.fromarray(rng.integers(0, 256, (14, 12), dtype=np.uint8))
            image.save(tmp_path / "images" / label / f"{number}.png")
    data = ("data.use=examples/folder", f"data.root={tmp_path / 'images'}", "data.size=12")
    steps = ("train.steps=6", "train.sample_every=3", "train.batch=8", "evaluate.0.require=null", "evaluate.0.steps=20")
    call(environment, "gantk", "run", "zoo/digits_acgan", *data, *steps, "--out", tmp_path / "run", cwd=tmp_path)
    assert (tmp_path / "run" / "samples" / "generated.png").exists()
    call(environment, "gantk", "sample", "run", "-n", "5", "--label", "upright", "-o", "made.h5", cwd=tmp_path)
    with h5py.File(tmp_path / "made.h5") as file:
        assert file["labels"][:].tolist() == [1] * 5


@pytest.mark.long
def test_they_keep_the_rules(environment: dict[str, str], tmp_path: Path) -> None:
    told = call(
        environment,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        EXAMPLES / "tests",
        cwd=tmp_path,
    )
    assert "passed" in told and "failed" not in told
