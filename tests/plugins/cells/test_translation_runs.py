"""Translators as a user has them: runs, pictures, draws of the noise; and in long tests what the recipes must reach."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.losses.cyclegan import CycleGan
from PIL import Image
from torch import Tensor

import gantk
from gantk.interfaces import Play
from tests.helpers.published import Scene, assert_resumed_exactly

SMALL = ["data.cells=24", "data.test_cells=8", "data.height=16", "data.width=24", "generator.width=4", "critic.width=4"]
ROOT = Path(os.environ.get("GANTK_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "microscopy" / "phase"
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def fields(folder: Path) -> Path:
    """Four fields whose wanted channel is the given one, smoothed by a mean of 3 x 3 and turned dark for bright."""
    for number in range(4):
        given = RNG.integers(0, 256, (32, 48)).astype(np.float64)
        shifts = [np.roll(given, (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        for name, values in (("A", given), ("B", 255 - np.mean(shifts, 0))):
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray(values.round().astype(np.uint8)).save(folder / name / f"{number}.png")
    (folder / "B" / "2.png").unlink()  # partly labelled
    return folder


def recipe(folder: Path, root: Path) -> str:
    file = folder / "pairs.yaml"
    file.write_text(
        f"data: {{use: cells/paired, root: {root}, size: 16, missing: keep, gap: 8}}\n"
        "generator: {use: basics/unet, width: 4, depth: 2}\n"
        "critic: {use: basics/patch, width: 4}\n"
        "loss: {use: basics/pix2pix}\n"
        "train: {steps: 6, batch: 4, sample_every: 3}\n"
        "evaluate: [{use: cells/translation, spectrum: false}, {use: cells/objects, smallest: 4}]\n"
    )
    return str(file)


def test_a_run_on_partly_labelled_fields_with_its_pictures_and_draws(tmp_path: Path) -> None:
    run = gantk.run(recipe(tmp_path, fields(tmp_path)), out=tmp_path / "run", quiet=True)
    samples = run.path / "samples"
    for name in ("data", "step-000003", "generated", "translation.tiles", "translation.region", "objects.outlines"):
        with Image.open(samples / f"{name}.png") as picture:
            assert min(picture.size) > 30
    assert {"r", "r_ridge", "ssim", "error"} <= run.evaluation["translation"].keys()
    assert run.evaluation["translation"]["r"].n == 1 and "f1" in run.evaluation["objects"]
    one, again, other = (run.sample(3, settings={"noise": noise}).samples for noise in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.equal(run.sample(3).samples, run.sample(3).samples)


def test_l1_alone_learns_a_filter_better_than_the_best_plane(tmp_path: Path) -> None:
    alone = ["critic=null", "loss.adversarial=none", "play.generator_optimizer.lr=0.005", "generator.dropout=0"]
    said = [*alone, "train.steps=150", "evaluate=[{use: cells/translation, spectrum: false}]"]
    run = gantk.run(recipe(tmp_path, fields(tmp_path)), said, out=tmp_path / "run", quiet=True)
    values = run.evaluation["translation"]
    assert values["r"].value > values["r_plane"].value + 0.1


def test_cyclegan_resumes_exactly_with_its_history_of_fakes(tmp_path: Path) -> None:
    written = assert_resumed_exactly("cells_cyclegan", tmp_path, *SMALL, "train.batch=2", "loss.pool=3")
    assert written.tensors["loss"]["history.filled"] == 3


def test_the_report_shows_the_way_back(tmp_path: Path) -> None:
    few = ["train.steps=4", "train.batch=2", "train.sample_every=2", "evaluate.0.every=2", "evaluate.0.require=null"]
    run = gantk.run("cells_cyclegan", [*SMALL, *few], out=tmp_path / "run", quiet=True)
    samples = run.path / "samples"
    assert (samples / "translation.tiles.step-000002.png").exists() and (samples / "translation.tiles.png").exists()
    assert "cycle" in run.evaluation["translation"]
    assert run.evaluation["translation"]["r"].reference > 0.5


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cyclegan_finds_the_other_staining_without_pairs(seed: int, tmp_path: Path) -> None:
    run = gantk.run("cells_cyclegan", [f"seed={seed}", "machine.threads=1"], out=tmp_path / "run", quiet=True)
    r = run.evaluation["translation"]["r"]
    assert r.value >= 0.9 and r.reference is not None and r.value > r.reference


@pytest.mark.long
def test_a_cycle_term_with_its_sign_turned_misses_the_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = CycleGan.generator_loss

    def turned(self: CycleGan, play: Play) -> dict[str, Tensor]:
        terms = right(self, play)
        return terms | {"cycle": -terms["cycle"]}

    monkeypatch.setattr(CycleGan, "generator_loss", turned)
    said = ["machine.threads=1", "train.steps=200", "evaluate.0.require=null"]
    run = gantk.run("cells_cyclegan", said, out=tmp_path / "run", quiet=True)
    assert run.evaluation["translation"]["r"].value < 0.9


@pytest.mark.long
def test_l1_alone_beats_local_filters_on_a_strip_of_real_micrographs(tmp_path: Path) -> None:
    if not ROOT.is_dir():
        pytest.skip(f"{ROOT} is not there: set GANTK_TEST_DATA to the folder of the test data")
    found: dict[str, Any] = gantk.run(
        "phase_l1", [f"data.root={ROOT}", "machine.threads=1"], out=tmp_path / "run", quiet=True
    ).evaluation["translation"]
    assert found["r"].value > found["r_ridge"].value and found["r_ridge"].value > found["r_plane"].value


@pytest.mark.long
def test_the_data_of_a_recipe_are_held_out_by_strips() -> None:
    if not ROOT.is_dir():
        pytest.skip(f"{ROOT} is not there: set GANTK_TEST_DATA to the folder of the test data")
    scene = Scene("phase_l1", f"data.root={ROOT}", "data.fold=2")
    test: Any = scene.data["test"]
    assert [(each.left, each.width, each.height) for each in test.windows] == [(512, 256, 1024)]
    (region,) = test.regions()
    assert region.condition.shape == (3, 1024, 384) and region.target.shape == (1, 1024, 256)
