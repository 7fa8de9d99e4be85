"""The simulated cells against what is known of the real ones (LIN images at 0.1 um a pixel)."""

import numpy as np
import pytest
from gantk_cells.data.simulation import PROTEINS, RED_SHARES, SimulatedCells, simulate

CORRELATIONS = {  # of red and green inside the cell, mean over cells
    "Alp14": (0.4, 0.5),
    "Arp3": (0.6, 0.85),
    "Cki2": (0.4, 0.5),
    "Mkh1": (0.55, 0.65),
    "Sid2": (0.4, 0.5),
    "Tea1": (0.7, 0.85),
}


@pytest.fixture(scope="module")
def cells() -> SimulatedCells:
    return simulate(400, seed=1)


@pytest.fixture(scope="module")
def inside(cells: SimulatedCells) -> np.ndarray:
    return cells.images.max(axis=1) > 20  # (N, H, W)


def test_arrays(cells: SimulatedCells) -> None:
    assert cells.images.shape == (2400, 2, 48, 80)
    assert cells.images.dtype == np.uint8
    assert np.bincount(cells.labels).tolist() == [400] * 6
    assert cells.phase.min() >= 0 and cells.phase.max() <= 1
    assert (cells.images.max(axis=(2, 3)) == 255).all()  # each channel is stretched


def test_geometry(cells: SimulatedCells, inside: np.ndarray) -> None:
    area = inside.mean(axis=(1, 2))
    length, width = inside.any(axis=1).sum(axis=1), inside.any(axis=2).sum(axis=1)
    assert area.min() > 0.16 and area.max() < 0.35
    assert np.quantile(area, 0.02) > 0.17 and np.quantile(area, 0.98) < 0.34
    assert length.min() >= 36 and length.max() <= 72
    assert np.quantile(width, 0.05) >= 19 and np.quantile(width, 0.95) <= 26
    assert np.corrcoef(length, cells.phase)[0, 1] > 0.9  # cells grow
    corners = cells.images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 0).all()


def test_red_states(cells: SimulatedCells) -> None:
    shares = np.bincount(cells.red_state, minlength=3) / len(cells.red_state)
    np.testing.assert_allclose(shares, RED_SHARES, atol=0.04)
    median_phase = [np.median(cells.phase[cells.red_state == state]) for state in range(3)]
    assert median_phase == sorted(median_phase)


def test_red_states_are_visible(cells: SimulatedCells) -> None:
    """Ends and middle of the red channel tell the state that was drawn."""
    red = cells.images[:, 0].astype(float)
    columns = np.arange(red.shape[2])
    middle = red[:, 19:29, 37:43].mean(axis=(1, 2))
    length = (red.max(axis=1) > 20).sum(axis=1)
    left = [row[:, np.abs(columns - 39.5 + size / 2 - 3) < 3].mean() for row, size in zip(red, length, strict=True)]
    right = [row[:, np.abs(columns - 39.5 - size / 2 + 3) < 3].mean() for row, size in zip(red, length, strict=True)]
    weaker, stronger = np.minimum(left, right), np.maximum(left, right)
    seen = np.where(middle > 140, 2, np.where(weaker > 0.5 * stronger, 1, 0))
    assert (seen == cells.red_state).mean() > 0.95


@pytest.mark.parametrize("protein", PROTEINS)
def test_correlation_inside(cells: SimulatedCells, inside: np.ndarray, protein: str) -> None:
    rows = np.flatnonzero(cells.labels == PROTEINS.index(protein))
    values = [np.corrcoef(cells.images[i, 0][inside[i]], cells.images[i, 1][inside[i]])[0, 1] for i in rows]
    low, high = CORRELATIONS[protein]
    assert low <= np.mean(values) <= high


def test_red_brightness(cells: SimulatedCells, inside: np.ndarray) -> None:
    means = np.array([image[0][mask].mean() / 255 for image, mask in zip(cells.images, inside, strict=True)])
    assert np.quantile(means, 0.02) > 0.3 and np.quantile(means, 0.98) < 0.55


def test_same_seed_same_bytes() -> None:
    first, again, other = simulate(5, seed=3), simulate(5, seed=3), simulate(5, seed=4)
    assert np.array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)


def test_more_cells_only_add() -> None:
    few, many = simulate(7, ["Mkh1"], seed=3), simulate(205, ["Mkh1"], seed=3)
    assert np.array_equal(few.images, many.images[:7])
    assert np.array_equal(few.phase, many.phase[:7])


def test_a_protein_does_not_depend_on_the_others() -> None:
    alone, together = simulate(4, ["Tea1"], seed=3), simulate(4, ["Arp3", "Tea1"], seed=3)
    assert np.array_equal(alone.images, together.images[4:])
    assert together.labels.tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(("height", "width"), [(24, 40), (64, 64), (96, 160)])
def test_other_frames(height: int, width: int) -> None:
    images = simulate(6, ["Sid2"], seed=0, height=height, width=width).images
    assert images.shape == (6, 2, height, width)
    scale = min(height / 48, width / 80)
    inside = (images.max(axis=1) > 20).sum(axis=(1, 2))
    assert (inside > 0.16 * 48 * 80 * scale**2).all() and (inside < 0.36 * 48 * 80 * scale**2).all()


def test_unknown_protein() -> None:
    with pytest.raises(ValueError, match=r"Tea2.*Alp14"):
        simulate(1, ["Tea2"])
