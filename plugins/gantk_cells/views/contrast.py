"""From samples to brightness: which value is drawn black and which white, for each channel."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gantk.interfaces import Samples
from gantk.spec import DataSpec

Contrast = Literal["range", "percentiles"]
BLACK, WHITE = 1.0, 99.9  # percentiles of a channel's pixels

Brightness = NDArray[np.floating]  # channels (C, H, W) from 0 to 1


def contrast_of(spec: DataSpec) -> Contrast:
    """How such samples are drawn where nobody says: by their range, which training data have from background and white;
    by percentiles where they have none, or are a plain file's, whose type has a range that its pixels seldom fill."""
    return "percentiles" if spec.range is None or spec.attributes.get("contrast") == "percentiles" else "range"


def brightness(samples: Samples, contrast: Contrast | None = None, like: Samples | None = None) -> Brightness:
    """Samples (N, *units, C, H, W) from 0, drawn black, to 1, drawn white.

    Args:
        samples: of images.
        contrast: `range`: from the lowest to the highest value of the spec's range; `percentiles`: for each channel
            from its 1st percentile to its 99.9th, over all samples and units; None: as the spec has it.
        like: samples of as many channels whose percentiles count, so that both are drawn alike; None: their own.
    """
    values = samples.samples.detach().cpu().float().numpy()
    if (contrast or contrast_of(samples.spec)) == "range" and samples.spec.range is not None:
        low, high = samples.spec.range
        return ((values - low) / max(high - low, 1e-12)).clip(0, 1)
    comparable = like is not None and like.spec.own_shape[0] == samples.spec.own_shape[0] and len(like) > 0
    measured = like.samples.detach().cpu().float().numpy() if like is not None and comparable else values
    others = tuple(axis for axis in range(measured.ndim) if axis != measured.ndim - 3)
    dark, bright = np.percentile(measured, (BLACK, WHITE), axis=others)[..., None, None]  # (C, 1, 1) each
    return ((values - dark) / np.maximum(bright - dark, 1e-12)).clip(0, 1)
