"""cells/translation, cells/objects and their rivals against slow versions, trusted libraries, and made mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_cells.data.paired import Paired
from gantk_cells.data.stainings import Stainings
from gantk_cells.metrics import local_filters
from gantk_cells.metrics.local_filters import SCALES, fit, local_features
from gantk_cells.metrics.objects import Objects, matched
from gantk_cells.metrics.translation import OCTAVES, Translation, correlation, octave_power
from PIL import Image
from scipy import ndimage
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from gantk import console
from gantk.data import take
from gantk.errors import DoesNotFit, MissingExtra
from gantk.interfaces import Dataset, MetricInput, Value

RNG = np.random.default_rng(0)


def blobs(count: int, height: int = 64, width: int = 192) -> np.ndarray:
    """Bright discs of radius 6 on a dark ground, apart from each other, 0 … 1."""
    picture = np.zeros((height, width))
    y, x = np.mgrid[:height, :width]
    places = [(r, c) for r in range(12, height - 8, 20) for c in range(12, width - 8, 20)]
    for k in RNG.permutation(len(places))[:count]:
        picture[(y - places[k][0]) ** 2 + (x - places[k][1]) ** 2 <= 36] = 0.8
    return np.clip(ndimage.gaussian_filter(picture, 1) + 0.02 * RNG.standard_normal(picture.shape), 0, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Paired]:
    """Discs; what is given are their edges and noise, so that no single plane gives them."""
    folder = tmp_path_factory.mktemp("field")
    right = blobs(18)
    edges = ndimage.gaussian_gradient_magnitude(right, 1)
    for name, values in (("given_a", edges / edges.max()), ("given_b", RNG.random(right.shape)), ("dapi", right)):
        Image.fromarray((values * 60000).astype(np.uint16)).save(folder / f"{name}.png")
    ways: dict[str, Any] = {"condition": ["given_a", "given_b"], "target": ["dapi"], "size": 32, "gap": 16}
    return {split: Paired(split, root=folder, test=0.33, fold=1, **ways) for split in ("train", "test")}


class Oracle(nn.Module):
    """Gives the right picture, changed by `form`: looks up the condition among those of the held-out region."""

    latent_shape = None
    size_step = 8

    def __init__(self, data: Paired, form: Any = lambda x: x):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        region = data.regions()[0]
        self.answer = torch.full((1, *region.target.shape[:1], *region.condition.shape[1:]), -1.0)
        self.answer[0][(slice(None), *region.inside)] = region.target
        self.form = form

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        filled = torch.full((1, 1, *condition.shape[2:]), -1.0)
        filled[..., : self.answer.shape[2], : self.answer.shape[3]] = self.answer
        return self.form(filled)


def measured(metric: Any, net: nn.Module, data: dict[str, Any]) -> dict[str, Value]:
    made = take(data["test"], 2)
    inputs = MetricInput(made, data["train"], data["test"], torch.Generator().manual_seed(0), {"generator": net})
    values = metric.compute(inputs)
    assert all(np.isfinite(each.value) for each in values.values())
    metric.pictures(inputs)
    return values


def test_the_right_answer_has_the_best_of_all_numbers(data: dict[str, Paired]) -> None:
    values = measured(Translation(), Oracle(data["test"]), data)
    for name, best in (
        ("r", 1),
        ("ssim", 1),
        ("error", 0),
        ("foreground_error", 0),
        ("power_8_16", 1),
        ("error_8_16", 0),
    ):
        assert values[name].value == pytest.approx(best, abs=1e-6), name
    assert 0.4 < values["r"].reference < 1 and values["r_ridge"].value == values["r"].reference  # type: ignore[operator]
    assert values["r_plane"].value < values["r_ridge"].value
    found = measured(Objects(), Oracle(data["test"]), data)
    assert found["f1"].value == found["precision"].value == found["recall"].value == 1
    assert found["made_up"].value == 0 and found["count"].value == found["count"].reference > 3  # type: ignore[operator]
    assert found["area"].value == found["area"].reference


def test_numbers_are_those_of_plain_versions(data: dict[str, Paired]) -> None:
    from skimage.metrics import structural_similarity

    def blurred(x: Tensor) -> Tensor:
        return torch.from_numpy(ndimage.gaussian_filter(x.numpy(), (0, 0, 2, 2))).mul(0.9)

    values = measured(Translation(), Oracle(data["test"], blurred), data)
    region = data["test"].regions()[0]
    right = region.target[0].double().numpy()
    net = Oracle(data["test"], blurred)
    made = net(None, region.condition[None])[0, 0][region.inside].double().numpy()
    assert values["r"].value == pytest.approx(np.corrcoef(made.ravel(), right.ravel())[0, 1], abs=1e-6)
    assert values["error"].value == pytest.approx(np.abs(made - right).mean() / 2, abs=1e-6)
    similar = structural_similarity(
        right, made, data_range=2.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert values["ssim"].value == pytest.approx(similar, abs=1e-5)
    assert values["power_4_8"].value < 0.3 < values["power_16_32"].value < 1.05  # a blur takes the short periods
    assert values["error_4_8"].value > values["error_16_32"].value


@pytest.mark.parametrize("period", [5, 12, 24, 48])
def test_a_wave_has_its_power_in_the_octave_of_its_period(period: int) -> None:
    y, _ = np.mgrid[:192, :96]
    wave = np.sin(2 * np.pi * y / period)
    powers = {low: octave_power(wave, low, high) for low, high in OCTAVES}
    assert max(powers, key=lambda low: powers[low]) <= period < 2 * max(powers, key=lambda low: powers[low])
    assert octave_power(3 * wave, *OCTAVES[2]) == pytest.approx(9 * octave_power(wave, *OCTAVES[2]))


def test_the_octaves_hold_all_power_between_their_ends() -> None:
    """Parseval: Σ |FFT|² = N Σ |x|², of what is not constant."""
    picture = RNG.standard_normal((64, 64))
    window = np.outer(np.hanning(66)[1:-1], np.hanning(66)[1:-1])
    shown = (picture - picture.mean()) * window
    power = 64**2 * np.square(shown).sum()
    whole = sum(octave_power(picture, low, high) for low, high in ((1, 2), *OCTAVES, (128, 1e9)))
    constant = np.abs(shown.sum()) ** 2
    assert whole == pytest.approx(power - constant)


def test_the_features_are_the_filters_of_scipy() -> None:
    planes = RNG.standard_normal((2, 20, 30)).astype(np.float32)
    found = local_features(planes)
    assert found.shape == (2 + 2 * 4 * len(SCALES), 20, 30)
    y, x = np.mgrid[-6:7, -6:7]
    kernel = np.exp(-(x**2 + y**2) / 2)
    kernel /= kernel.sum()  # truncated at 6 sigma, scipy's at 4
    plain = ndimage.convolve(planes[0].astype(np.float64), kernel, mode="reflect")
    np.testing.assert_allclose(found[2], plain, atol=2e-3)
    square = ndimage.convolve(planes[0].astype(np.float64) ** 2, kernel, mode="reflect")
    np.testing.assert_allclose(found[5], np.sqrt(square - plain**2), atol=5e-3)


def test_the_ridge_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_filters, "MOST", 10**9)
    condition, target = RNG.standard_normal((2, 24, 24)), RNG.standard_normal((1, 24, 24))
    rivals = fit([condition], [target], [np.array([True])])
    features = local_features(condition).reshape(-1, 24 * 24).T
    inputs = (features - features.mean(0)) / features.std(0)
    trusted = Ridge(alpha=1.0).fit(inputs, target.ravel()).predict(inputs)
    np.testing.assert_allclose(rivals.ridge(condition).ravel(), np.clip(trusted, -1, 1), atol=1e-3)
    line = np.polyfit(condition[rivals.plane[0]].ravel(), target.ravel(), 1)
    np.testing.assert_allclose(rivals.single(condition)[0], np.polyval(line, condition[rivals.plane[0]]), atol=1e-6)


def test_what_was_not_measured_is_not_learnt_from() -> None:
    condition, target = RNG.standard_normal((1, 24, 24)), RNG.standard_normal((2, 24, 24))
    nonsense = np.stack([target[0], np.full((24, 24), -1.0)])
    alone = fit([condition], [target], [np.array([True, True])])
    both = fit([condition, condition], [target, nonsense], [np.array([True, True]), np.array([True, False])])
    np.testing.assert_allclose(both.line[1], alone.line[1], atol=0.15)
    assert not np.allclose(
        fit([condition, condition], [target, nonsense], [np.ones(2, bool)] * 2).line[1], alone.line[1], atol=0.15
    )


def rectangles(*places: tuple[int, int, int, int]) -> np.ndarray:
    labels = np.zeros((40, 60), np.int32)
    for number, (top, left, height, width) in enumerate(places, 1):
        labels[top : top + height, left : left + width] = number
    return labels


def test_matches_are_counted_by_hand() -> None:
    right = rectangles((0, 0, 10, 10), (0, 20, 10, 10), (20, 0, 10, 10), (20, 40, 10, 10))
    made = rectangles((0, 0, 10, 10), (0, 25, 10, 10), (22, 0, 10, 10), (0, 45, 8, 8))
    # the same: 1; shifted by 5: 50 / 150; shifted by 2: 80 / 120; touches none
    found = matched(made, right, 0.5)
    assert (found.made, found.right, found.pairs, found.made_up) == (4, 4, 2, 1)
    assert found.f1 == 0.5
    assert matched(made, right, 0.7).pairs == 1
    nothing = np.zeros((40, 60), np.int32)
    assert matched(nothing, right, 0.5).f1 == 0 and matched(nothing, nothing, 0.5).f1 == 1
    assert matched(made, nothing, 0.5).made_up == 4


def test_touching_discs_are_parted_and_specks_are_not_counted() -> None:
    y, x = np.mgrid[:64, :96]
    picture = np.full((64, 96), -1.0)
    for row, column in ((20, 20), (20, 37), (44, 70)):
        picture[(y - row) ** 2 + (x - column) ** 2 <= 100] = 1
    picture[50:53, 10:13] = 1
    labels = Objects().find(picture)
    assert labels.max() == 3 and (np.bincount(labels.ravel())[1:] > 200).all()
    assert Objects().find(np.zeros((20, 20))).max() == 0


def test_made_up_and_missed_nuclei_are_told(data: dict[str, Paired]) -> None:
    right = measured(Objects(), Oracle(data["test"]), data)

    def changed(x: Tensor) -> Tensor:
        region = data["test"].regions()[0]
        rows, columns = region.inside
        inside = x[0, 0, rows, columns].numpy()
        labels = Objects().find(inside)
        inside[labels == 1] = -1  # one is missed …
        free = ndimage.distance_transform_edt(ndimage.binary_dilation(labels == 0, iterations=0) & (inside < -0.5))
        row, column = np.unravel_index(free.argmax(), free.shape)
        y, x_ = np.mgrid[: inside.shape[0], : inside.shape[1]]
        inside[(y - row) ** 2 + (x_ - column) ** 2 <= 36] = 0.6  # … and one is made up
        return x

    wrong = measured(Objects(), Oracle(data["test"], changed), data)
    count = right["count"].value
    assert wrong["count"].value == count
    assert wrong["recall"].value == pytest.approx((count - 1) / count)
    assert wrong["made_up"].value == pytest.approx(1 / count)
    assert wrong["recall"].low < wrong["recall"].value < wrong["recall"].high  # type: ignore[operator]


class Swap(nn.Module):
    """Gives both domains the other one's picture as it is."""

    latent_shape = None

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        return condition.flip(1)


class Knows(Swap):
    """Gives the right translations of these data, and back the pictures themselves."""

    def __init__(self, data: Dataset):
        super().__init__()
        batch = data.batch(torch.arange(len(data)), None)
        self.there, self.right = batch.samples, batch.truth["translated"]

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        return self.right if torch.equal(condition, self.there) else self.there


def test_of_two_domains_the_picture_as_it_is_is_the_rival(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path))
    data = {split: Stainings(split, cells=40, test_cells=12, height=16, width=24) for split in ("train", "test")}
    as_it_is = measured(Translation(), Swap(), data)
    assert as_it_is["r"].value < -0.7 and as_it_is["r"].reference == pytest.approx(-as_it_is["r"].value)
    assert as_it_is["cycle"].value == 0
    right = measured(Translation(), Knows(data["test"]), data)
    assert (
        right["r"].value == pytest.approx(1) and right["cycle"].value == 0 and right["ssim"].value == pytest.approx(1)
    )
    assert {"r_fluorescence", "r_absorption"} <= right.keys()


def test_without_scikit_image_it_says_what_to_install(data: dict[str, Paired], monkeypatch: pytest.MonkeyPatch) -> None:
    from gantk_cells import scikit_image

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(scikit_image, "import_module", missing)
    with console.collected() as said:
        values = measured(Translation(), Oracle(data["test"]), data)
    assert "r" in values and "error" in values and "ssim" not in values
    assert "gantk[morphology]" in " ".join(said)
    with pytest.raises(MissingExtra, match=r"cells/objects needs scikit-image.*gantk\[morphology\]"):
        measured(Objects(), Oracle(data["test"]), data)


def test_a_condition_is_needed(data: dict[str, Paired]) -> None:
    from gantk_basics.nets.mlp import MlpGenerator

    for metric in (Translation(), Objects()):
        with pytest.raises(DoesNotFit, match="takes it"):
            measured(metric, MlpGenerator(data["test"].spec), data)
    with pytest.raises(DoesNotFit, match="no channel 3"):
        measured(Objects(channel=3), Oracle(data["test"]), data)


def test_correlation_of_what_does_not_vary_is_none() -> None:
    assert correlation(np.zeros((4, 4)), RNG.random((4, 4))) is None
