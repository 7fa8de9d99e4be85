"""Nuclei and cells whose outlines are known, found by scikit-image."""

import sys
from pathlib import Path

import numpy as np
import pytest
from gantk_cells.cropping.segmenting import segment, usual_diameter, without_specks
from gantk_cells.cropping.settings import Segment
from numpy.typing import NDArray
from scipy import ndimage

from gantk.cli import run_command_line
from tests.plugins.cells.fields_of_view import CENTRES, discs, field, write_fields

pytest.importorskip("skimage", reason="pip install 'gantk[morphology]'")


def overlap(found: NDArray, drawn: NDArray) -> list[float]:
    """Of each drawn object the best intersection over union with a found one."""
    best = []
    for number in range(1, drawn.max() + 1):
        own = drawn == number
        others = [found == other for other in np.unique(found[own]) if other]
        best.append(max(((own & each).sum() / (own | each).sum() for each in others), default=0.0))
    return best


def test_touching_nuclei_are_parted() -> None:
    centres = [(40.0, 40.0), (40.0, 51.0), (40.0, 62.0), (90.0, 60.0), (90.0, 71.5), (120.0, 120.0)]
    drawn = discs(centres, 6)
    rng = np.random.default_rng(0)
    image = ndimage.gaussian_filter(100.0 * (drawn > 0), 1) + rng.normal(5, 1, drawn.shape)
    _, together = ndimage.label(drawn > 0)
    found = segment(image[None], 0, None, Segment(nuclei_threshold=50, smooth=1.0), None)
    assert together < len(centres) == found.nuclei.max()
    assert min(overlap(found.nuclei, drawn)) > 0.7


@pytest.mark.parametrize("threshold", ["local", "otsu", "otsu_log", "li", "triangle", 60])
def test_cells_round_their_nuclei(threshold: str | float) -> None:
    image = field(CENTRES)
    found = segment(image, 0, 1, Segment(nuclei=0, cells=1, nuclei_threshold=threshold, cells_threshold=50), None)
    assert found.cells.max() == found.nuclei.max() == len(CENTRES)
    assert min(overlap(found.cells, discs(CENTRES, 12))) > 0.85
    inside = found.nuclei > 0
    assert np.array_equal(found.cells[inside], found.nuclei[inside])  # a nucleus and its cell have one number


def test_touching_cells_part_where_the_nuclei_say() -> None:
    centres = [(80.0, 50.0), (80.0, 73.0)]  # radius 12: they touch
    found = segment(field(centres), 0, 1, Segment(cells=1, cells_threshold=50), None)
    edge = found.cells[80, 56:68]
    assert set(np.unique(edge)) == {1, 2} and abs(int((edge == edge[0]).sum()) - 6) <= 2


def test_lengths_are_micrometres_where_these_are_known() -> None:
    image = field(CENTRES)
    areas = [
        np.median(np.bincount(segment(image, 0, None, Segment(reach=reach), size).cells.ravel())[1:])
        for reach, size in ((6.0, None), (3.0, 0.5), (3.0, None))
    ]
    assert areas[0] == areas[1] > 1.3 * areas[2]


def test_specks_are_counted_and_are_no_cells() -> None:
    labels = discs([(20, 20), (60, 60)], 8)
    labels[100, 100:102] = 3
    kept, specks = without_specks(labels, 10)
    assert kept.max() == 2 and specks == [(100.0, 100.5, 2.0)]
    assert usual_diameter(labels > 0) == pytest.approx(16, abs=0.5)


def test_a_field_without_cells() -> None:
    flat = np.full((2, 40, 40), 7, np.uint8)
    assert not segment(flat, 0, 1, Segment(), None).cells.any()


def test_without_scikit_image_the_extra_is_named_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_fields(tmp_path / "fields", fields=("01",))
    for name in ("skimage", "skimage.segmentation"):
        monkeypatch.setitem(sys.modules, name, None)
    words = [str(tmp_path / "fields"), "-o", str(tmp_path / "cells"), "segment.nuclei=0"]
    assert run_command_line(["crop", *words]) == 2
    said = capsys.readouterr().err
    assert "pip install 'gantk[morphology]'" in said and "masks=" in said and not (tmp_path / "cells").exists()
