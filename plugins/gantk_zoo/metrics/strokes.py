"""Metric `strokes`: how sharp, how wide and how broken the strokes of generated images are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from scipy import ndimage
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value


def fine_energy(ink: Tensor) -> float:
    """Energy in the upper half of the spectrum, by Parseval's theorem in squared ink a pixel: the mean over images.

    Fine is what varies along either side with half of the Nyquist frequency or more: a wave of four pixels or fewer.

    Args:
        ink: (N, Y, X).
    """
    pixels = ink.shape[-1] * ink.shape[-2]
    energy = torch.fft.fft2(ink.double()).abs().square() / pixels**2
    along = [torch.fft.fftfreq(size, dtype=torch.float64).abs() for size in ink.shape[-2:]]
    fine = torch.maximum(along[0][:, None], along[1][None]) >= 0.25
    return float(energy[:, fine].sum(1).mean())


def stroke_width(ink: Tensor) -> float:
    """Mean width of strokes in pixels: twice the ink over the length of its edge, which is the total variation.

    A bar of width w and length L has the ink w L and two edges of length L. Grey pixels count in part, so that widths
    between whole pixels are told apart; the sides of a stroke's ends, and slanted edges, are counted as longer than
    they are, alike in real and generated images.

    Args:
        ink: (N, Y, X), 0 where there is none.
    """
    framed = torch.nn.functional.pad(ink.double(), (1, 1, 1, 1))
    down, across = framed.diff(dim=1)[:, :, :-1], framed.diff(dim=2)[:, :-1]
    edge = torch.hypot(down, across).sum()
    return float(2 * ink.double().sum() / edge) if edge else 0.0


def broken(ink: Tensor, share: float = 0.5) -> Tensor:
    """Which images have ink in more than one piece (diagonal neighbours touch): (N,), bool.

    Args:
        ink: (N, Y, X).
        share: of an image's blackest pixel, from which a pixel is ink.
    """
    black = (ink >= share * ink.amax((1, 2), keepdim=True)) & (ink > 0)
    return torch.tensor([ndimage.label(each, np.ones((3, 3)))[1] > 1 for each in black.cpu().numpy()])


class Strokes(Metric):
    """How sharp, how wide and how broken strokes are, beside those of as many held-out images.

    `blur` is the energy in the upper half of the spectrum (waves of four pixels or fewer) over that of held-out images:
    1 is as sharp as real, less is blurred, more is rough. `width` is that of a stroke in pixels: twice the ink over its
    edge. `breaks` is the share of images whose ink is in more than one piece at half of their blackest pixel; some real
    digits are, too. The reference of `blur` is that of training images.

    `blur` has no direction, as noise and blur together may come out at 1. For bright ink on a dark ground. Copies of
    training images pass; so do sharp strokes that are no digit.

    Args:
        samples: how many generated images, and at most as many real ones.
    """

    def __init__(self, *, samples: Annotated[int, Ge(1)] = 500):
        self.samples = samples

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`blur`, `width`, `breaks`.

        Raises:
            DoesNotFit: samples that are no images.
        """
        spec = inputs.test.spec
        if spec.axes[-2:] != ("y", "x") or spec.categorical or spec.unit_axes:
            raise DoesNotFit("zoo/strokes looks at images (channel, y, x) without units, and these samples are none")
        low = spec.range[0] if spec.range else 0.0

        def ink(samples: Tensor) -> Tensor:
            return (samples.float() - low).flatten(0, -3)

        made = ink(inputs.generated.samples.cpu())
        real, known = (ink(take(each, self.samples, inputs.rng).samples) for each in (inputs.test, inputs.train))
        sharp, trained = (fine_energy(each) / fine_energy(real) for each in (made, known))
        widths = stroke_width(made), stroke_width(real)
        breaks = [float(broken(each).float().mean()) for each in (made, real)]
        n, others = len(made), len(real)
        return {
            "blur": Value(sharp, None, trained, "real training", n=n, n_reference=others),
            "width": Value(widths[0], "near", widths[1], "real test, pixels", n=n, n_reference=others),
            "breaks": Value(breaks[0], "near", breaks[1], "real test", n=n, n_reference=others),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """One line."""
        blur, width, breaks = (values[name].value for name in ("blur", "width", "breaks"))
        return f"strokes: {blur:.0%} of the real fine detail, {width:.2f} pixels wide, broken in {breaks:.0%} of images"
