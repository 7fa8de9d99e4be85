"""`cells/morphology`: measures against geometry, distances against a plain double loop, broken twins."""

from __future__ import annotations

import sys
from dataclasses import replace
from math import pi, sqrt
from typing import Any

import numpy as np
import pytest
import torch
from gantk_cells.data.simulated import Simulated
from gantk_cells.metrics.morphology import Morphology, _distance, measured
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from gantk.data import generated, take
from gantk.errors import DoesNotFit, MissingExtra
from gantk.interfaces import MetricInput, Samples, Value
from gantk.spec import DataSpec


@pytest.fixture(scope="module", autouse=True)
def drawn_in_part() -> None:
    """These tests look at pictures with axes."""


SPEC = DataSpec((2, 48, 80), ("channel", "y", "x"))


def ellipse(a: float, b: float, light: tuple[float, float] = (0.8, 0.4), ground: float = 0.0) -> Tensor:
    """One picture (1, 2, H, W), from -1 to 1, of an ellipse with these half axes, turned by 30 degrees."""
    y, x = np.mgrid[:48, :80] - np.array([23.5, 39.5])[:, None, None]
    along, across = x * np.cos(pi / 6) + y * np.sin(pi / 6), -x * np.sin(pi / 6) + y * np.cos(pi / 6)
    cell = (along / a) ** 2 + (across / b) ** 2 <= 1
    image = np.stack([np.where(cell, each, ground) for each in light])
    return torch.from_numpy(image[None] * 2 - 1)


def test_an_ellipse_is_measured_as_geometry_has_it() -> None:
    found = measured(ellipse(30, 12), ["red", "green"], SPEC, "background", 2.0, 0.5)
    assert found["area"][0] == pytest.approx(pi * 30 * 12 / 4, rel=0.01)
    assert (found["length"][0], found["width"][0]) == pytest.approx((30, 12), rel=0.01)
    assert found["eccentricity"][0] == pytest.approx(sqrt(1 - (12 / 30) ** 2), rel=0.01)
    assert (found["intensity_red"][0], found["intensity_green"][0]) == pytest.approx((0.8, 0.4), rel=1e-6)
    nothing = measured(torch.full((2, 2, 48, 80), -1.0), ["red", "green"], SPEC, "background", 2.0, 1.0)
    assert nothing["empty"].tolist() == [1, 1] and len(nothing["area"]) == 0


def test_texture_is_what_a_gaussian_takes_away() -> None:
    image = ellipse(30, 12)
    grain = np.random.default_rng(0).normal(0, 0.1, image.shape)
    rough = torch.from_numpy(np.where(image > -1, image.numpy() + grain, -1.0)).clamp(-1, 1)
    light = (rough[0, 0].double().numpy() + 1) / 2
    inside = image[0, 0].numpy() > -1
    plain = (light - ndimage.gaussian_filter(light, 2.0))[inside].std() / light[inside].mean()
    found = measured(rough, ["red", "green"], SPEC, "background", 2.0, 1.0)
    assert found["texture_red"][0] == pytest.approx(plain, rel=0.02)  # the same but for pixels at the border
    smooth = measured(image, ["red", "green"], SPEC, "background", 2.0, 1.0)
    assert found["texture_red"][0] > smooth["texture_red"][0]


def test_a_raised_ground_needs_a_threshold_of_its_own() -> None:
    raised = ellipse(20, 10, ground=0.2)
    own = measured(raised, ["red", "green"], SPEC, "otsu", 2.0, 1.0)
    assert own["area"][0] == pytest.approx(pi * 200, rel=0.02)
    assert measured(raised, ["red", "green"], SPEC, "background", 2.0, 1.0)["area"][0] == 48 * 80


def test_the_distance_is_the_largest_gap_of_the_shares_below() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, 40), rng.normal(0.5, 1, 23)
    gaps = [abs((one <= at).mean() - (other <= at).mean()) for at in (*one, *other)]
    assert _distance(one, other) == pytest.approx(max(gaps), abs=1e-12)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Simulated cells of two proteins, and cells of another seed in the place of generated ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANTK_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = {"cells": 110, "test_cells": 90, "proteins": ["Arp3", "Tea1"]}
        train, test = Simulated("train", **made), Simulated("test", **made)
        return {"train": train, "test": test, "other": Simulated("train", **made, seed=3)}


def compute(metric: Morphology, made: Samples, cells: dict[str, Any]) -> dict[str, Value]:
    return metric.compute(MetricInput(made, cells["train"], cells["test"], rng=torch.Generator().manual_seed(0)))


def test_real_cells_pass_and_broken_twins_do_not(cells: dict[str, Any]) -> None:
    real = take(cells["other"], 180)
    good = replace(generated(real.samples, real.spec), labels=real.labels)
    metric = Morphology(samples=180)
    values = compute(metric, good, cells)
    assert max(value.value for name, value in values.items() if name != "empty") < 0.25
    assert "have the sizes" in metric.summary(values) and values["empty"].value == 0
    picture = metric.pictures(MetricInput(good, cells["train"], cells["test"], rng=torch.Generator()))["distributions"]
    assert picture.width > 600
    smaller = functional.pad(functional.interpolate(real.samples, scale_factor=0.75), (10, 10, 6, 6), value=-1.0)
    noise = torch.randn(real.samples.shape, generator=torch.Generator().manual_seed(0)) * 0.2
    rough = torch.where(real.samples > -0.6, real.samples + noise, real.samples).clamp(-1, 1)
    for name, samples, stays in (("area", smaller, "eccentricity"), ("texture_Bgs4", rough, "area")):
        found = compute(metric, replace(good, samples=samples), cells)
        assert found[name].value > 0.6 > 2 * found[stays].value
        assert name in metric.summary(found)


def test_other_proteins_are_not_mixed(cells: dict[str, Any]) -> None:
    """Each protein is compared with its own: with the names exchanged, the light of green gives it away."""
    real = take(cells["other"], 180)
    swapped = replace(generated(real.samples, real.spec), labels=1 - real.labels)
    right = replace(swapped, labels=real.labels)
    wrong, good = (compute(Morphology(samples=180), each, cells) for each in (swapped, right))
    assert wrong["intensity_protein"].value > good["intensity_protein"].value + 0.2
    assert compute(Morphology(), replace(right, labels=None), cells)["area"].value < 0.25


def test_too_few_cells_and_no_library_are_told(cells: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    dark = generated(torch.full((20, 2, 48, 80), -1.0), cells["train"].spec)
    with pytest.raises(DoesNotFit, match=r"there are 0, .*mask: otsu"):
        compute(Morphology(samples=20), dark, cells)
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    with pytest.raises(MissingExtra, match=r"cells/morphology needs scikit-image.*pip install 'gantk\[morphology\]'"):
        compute(Morphology(samples=20), dark, cells)
