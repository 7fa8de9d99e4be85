"""Strokes: each number on images for which it is known, and what it refuses."""

from __future__ import annotations

import math

import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_zoo.metrics.strokes import Strokes, broken, fine_energy, stroke_width

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, Samples
from gantk.spec import DataSpec


def test_a_wave_of_four_pixels_is_fine_and_one_of_eight_is_not() -> None:
    x = torch.arange(16, dtype=torch.float64)
    for period, amplitude, fine in ((2.0, 1.0, 1.0), (4.0, 3.0, 4.5), (8.0, 5.0, 0.0)):
        wave = (amplitude * torch.cos(2 * math.pi * x / period)).expand(1, 12, 16)
        assert fine_energy(wave) == pytest.approx(fine, abs=1e-9)  # the mean square of a cosine; of ± 1 it is 1
        assert fine_energy(wave.transpose(1, 2) + 7) == pytest.approx(fine, abs=1e-9)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_the_width_of_a_bar(width: int) -> None:
    image = torch.zeros(1, 400, 9)
    image[0, 20:380, 3 : 3 + width] = 0.8
    assert stroke_width(image) == pytest.approx(width, rel=0.02)
    image[0, 20:380, 2] = 0.4  # half a pixel more
    assert stroke_width(image) == pytest.approx(width + 0.5, rel=0.02)
    assert stroke_width(torch.zeros(2, 5, 5)) == 0


def test_pieces_touch_at_corners_too() -> None:
    whole = torch.zeros(4, 5, 5)
    whole[0] = torch.eye(5)
    whole[1] = torch.eye(5)
    whole[1, 2, 2] = 0.4  # too grey for ink
    whole[2, 0] = whole[2, 4] = 1.0
    assert broken(whole).tolist() == [False, True, True, False]
    assert not broken(whole, share=0.3)[1]


def test_blurred_digits_are_blurred_and_wider_and_real_ones_are_not() -> None:
    train, test = Digits("train"), Digits("test")
    images = take(train, 300, torch.Generator().manual_seed(0)).samples
    blurred = torch.nn.functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)

    def measured(samples: torch.Tensor) -> dict[str, float]:
        found = Strokes().compute(MetricInput(Samples(samples), train, test, rng=torch.Generator()))
        return {name: value.value for name, value in found.items()}

    as_real, soft = measured(images), measured(blurred)
    assert as_real["blur"] == pytest.approx(1, abs=0.1) and soft["blur"] < 0.3
    assert soft["width"] > 1.2 * as_real["width"]
    assert as_real["breaks"] < 0.1
    assert "of the real fine detail" in Strokes().summary(
        Strokes().compute(MetricInput(Samples(images), train, test, rng=torch.Generator()))
    )


def test_points_have_no_strokes() -> None:
    class Points:
        spec = DataSpec((2,), ("coordinate",), range=None)

    with pytest.raises(DoesNotFit, match="looks at images"):
        Strokes().compute(MetricInput(None, Points(), Points(), rng=torch.Generator()))  # type: ignore[arg-type]
