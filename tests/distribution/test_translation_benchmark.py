"""The benchmark of translators: strips in turn, nothing twice, and tables whose numbers are added up over strips."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gantk_cells.metrics.objects import Objects
from gantk_cells.metrics.translated import Translated
from PIL import Image
from scipy import ndimage

from benchmarks import translation
from benchmarks.equal_time import results_in
from gantk.api.run import Run
from gantk.recipe.find_file import shipped

RNG = np.random.default_rng(0)


def discs(height: int, width: int, places: list[tuple[int, int]]) -> np.ndarray:
    """Bright discs of radius 7 on a dark ground, -1 … 1."""
    y, x = np.mgrid[:height, :width]
    picture = np.full((height, width), -0.9)
    for row, column in places:
        picture[(y - row) ** 2 + (x - column) ** 2 <= 49] = 0.8
    return picture


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """One field, 64 x 256, of discs: what is given are their edges."""
    right = discs(64, 256, [(row, column) for row in (16, 44) for column in range(16, 250, 30)])
    folder = tmp_path / "field"
    folder.mkdir()
    for name, values in (("phase", ndimage.gaussian_gradient_magnitude(right, 1)), ("dapi", (right + 1) / 2)):
        noisy = values / values.max() + 0.02 * RNG.random(values.shape)
        Image.fromarray((noisy * 50000).astype(np.uint16)).save(folder / f"{name}.png")
    return folder


def recipe(folder: Path, name: str, more: str) -> str:
    file = folder / f"{name}.yaml"
    file.write_text(
        "data: {use: cells/paired, root: nowhere, condition: [phase], target: [dapi], size: 32, gap: 8, test: 0.25}\n"
        "generator: {use: basics/unet, width: 4, depth: 2}\n"
        f"{more}\n"
        "train: {steps: 2, batch: 2}\n"
        "evaluate: [{use: cells/translation, spectrum: false, require: {r: {'>=': 0.99}}}]\n"
    )
    return str(file)


def test_every_strip_of_every_recipe_is_run_once(
    field: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = recipe(tmp_path, "alone", "critic: null\nloss: {use: basics/pix2pix, adversarial: none}")
    both = recipe(tmp_path, "both", "critic: {use: basics/patch, width: 4}\nloss: {use: basics/pix2pix}")
    out = tmp_path / "out"
    asked = ["--data", str(field), "--folds", "1", "3", "--recipes", alone, both]
    monkeypatch.setattr(sys, "argv", ["translation", str(out), *asked])
    translation.main()
    first = capsys.readouterr().out
    assert [line.split("|")[1].strip() for line in first.splitlines() if line.startswith("| ")] == [
        *("r", "best plane", "ridge", "`alone`", "`both`"),
        *("objects", "ridge", "`alone`", "`both`"),
        *("power at periods of", "ridge", "`alone`", "`both`"),
    ]
    for each in results_in(out):
        run = Run(out / f"{each['recipe']}-{each['fold']}")
        assert run.recipe.values["data"]["fold"] == each["fold"]
        judged = run.evaluation["translation"]
        assert each["r"]["made"] == pytest.approx(judged["r"].value)
        assert each["r"]["ridge"] == pytest.approx(judged["r_ridge"].value)
        assert each["r"]["best plane"] == pytest.approx(judged["r_plane"].value)
        assert each["seconds"] > 0
    assert len(results_in(out)) == 4

    def never(*_: Any) -> None:
        raise AssertionError("run a second time")

    monkeypatch.setattr(translation, "start_or_resume", never)
    translation.main()
    assert capsys.readouterr().out == first
    monkeypatch.setattr(sys, "argv", ["translation", str(out), "train.steps=3", *asked])
    with pytest.raises(SystemExit):
        translation.main()
    assert "other KEY=VALUE" in capsys.readouterr().err


def test_the_recipes_differ_in_the_critic_alone() -> None:
    assert set(translation.RECIPES) <= set(shipped())
    one, other = (translation.recipe_of(name, Path("x"), 2, []).values for name in translation.RECIPES)
    assert one["data"] == other["data"] and one["data"]["fold"] == 2
    assert one["generator"] == other["generator"] and one["critic"] is None and other["critic"] is not None


def test_a_judged_picture_counts_objects_and_power() -> None:
    right = discs(64, 64, [(16, 16), (16, 48), (48, 16)])
    made = discs(64, 64, [(16, 16), (48, 18), (46, 48)])  # one right, one a bit beside, one made up; one is missed
    empty = np.full_like(right, -0.9)
    empty[0, 0] = -0.8
    every = Translated("f", right[None], right[None], np.array([True]), made[None], right[None], empty[None])
    found = translation.judge([every, every], Objects())
    assert found["objects"]["made"] == {"found": 6, "right": 6, "matched": 4, "made up": 2}
    assert found["objects"]["ridge"] == {"found": 6, "right": 6, "matched": 6, "made up": 0}
    assert found["r"]["ridge"] == pytest.approx(1) and found["r"]["made"] < 0.9
    assert found["r"]["best plane"] == pytest.approx(np.corrcoef(empty.ravel(), right.ravel())[0, 1])
    assert found["power"]["ridge"] == found["power"]["right"] and all(found["power"]["right"][:5])
    alone = translation.judge([every], Objects())
    assert found["power"]["made"] == pytest.approx([2 * each for each in alone["power"]["made"]])


def result(name: str, fold: int, r: float, counts: tuple[int, ...], power: list[float]) -> dict[str, Any]:
    ridge = dict(zip(translation.COUNTS, (10, counts[1], 1, 5), strict=True))
    return {
        "recipe": name,
        "fold": fold,
        "seconds": 100.0 + fold,
        "r": {"made": r, "ridge": 0.5, "best plane": 0.1},
        "objects": {"made": dict(zip(translation.COUNTS, counts, strict=True)), "ridge": ridge},
        "power": {"right": [1.0, 1, 4, 4, 4, 4], "made": power, "ridge": [0.5] * 6},
    }


def test_tables_add_up_over_strips() -> None:
    found = translation.by_recipe(
        [
            result("b", 1, 0.7, (8, 12, 6, 1), [3.0, 1, 4, 4, 1, 2]),
            result("a", 0, 0.8, (10, 8, 4, 3), [1.0, 1, 2, 2, 2, 20]),
            result("a", 1, 0.6, (8, 12, 6, 1), [1.0, 1, 4, 2, 2, 0]),
            result("b", 0, 0.7, (10, 8, 5, 3), [3.0, 1, 4, 2, 1, 2]),
        ]
    )
    assert translation.correlations(found).splitlines() == [
        "| r | strip 0 | strip 1 | mean | seconds a run |",
        "|---|---|---|---|---|",
        "| best plane | 0.100 | 0.100 | 0.100 |  |",
        "| ridge | 0.500 | 0.500 | 0.500 |  |",
        "| `a` | 0.800 | 0.600 | 0.700 | 100 … 101 |",
        "| `b` | 0.700 | 0.700 | 0.700 | 100 … 101 |",
    ]
    assert translation.objects(found).splitlines()[2:] == [
        "| ridge | 20 | 20 | 2 | 18 | 10 | 0.10 | 0.10 | 0.10 |",
        "| `a` | 18 | 20 | 10 | 10 | 4 | 0.56 | 0.50 | 0.53 |",
        "| `b` | 18 | 20 | 11 | 9 | 4 | 0.61 | 0.55 | 0.58 |",
    ]
    lines = translation.spectrum(found).splitlines()
    assert lines[2] == "| ridge | 0.50 | 0.50 | 0.12 | 0.12 | 0.12 | 0.12 |"
    assert lines[3] == "| `a` | **1.00** | **1.00** | 0.75 | 0.50 | **0.50** | 2.50 |"
    assert lines[4] == "| `b` | 3.00 | **1.00** | **1.00** | **0.75** | 0.25 | **0.50** |"
    assert translation.distance(0.5) == pytest.approx(translation.distance(2.0)) and translation.distance(0) > 1e9
