"""Sizes of images: which ones the nets here can halve, and how an image is brought to a size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Fit = Literal["scale", "cover", "crop", "pad", "crop_and_pad"]

LEAST, MOST = 2, 12  # halvings that are considered
OUTSIDE = {"u": 0, "f": -np.inf}  # what is padded with, by kind of number: at or below any background


def nearest(height: int, width: int) -> tuple[int, int]:
    """The usable size that is nearest, in rows and columns that come or go."""
    return min(_usable(height, width), key=lambda size: (abs(size[0] - height) + abs(size[1] - width), -size[0]))


def cropped(height: int, width: int) -> tuple[int, int] | None:
    """The largest usable size that fits inside, or None."""
    within = [size for size in _usable(height, width) if size[0] <= height and size[1] <= width]
    return max(within, key=lambda size: size[0] * size[1], default=None)


def padded(height: int, width: int) -> tuple[int, int]:
    """The smallest usable size that has room for it."""
    around = [size for size in _usable(height, width) if size[0] >= height and size[1] >= width]
    return min(around, key=lambda size: size[0] * size[1])


def advice(height: int, width: int) -> str:
    """What to write so that images of this size can be halved: a line for each way."""
    ways = {"crop": cropped(height, width), "pad": padded(height, width), "crop_and_pad": nearest(height, width)}
    return "\n".join(
        f"    data.size=[{size[0]}, {size[1]}] data.fit={fit}"
        for fit, size in ways.items()
        if size is not None and (fit != "crop_and_pad" or size not in (ways["crop"], ways["pad"]))
    )


def _usable(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Sizes that halve down to a side of 3 or 4, and are not far from this one."""
    for halved in range(LEAST, MOST + 1):
        block = 2**halved
        for shorter in (3 * block, 4 * block):
            for down in (0, 1):
                yield shorter, max(shorter, (width // block + down) * block)
                yield max(shorter, (height // block + down) * block), shorter


def fitted(image: NDArray[Any], size: tuple[int, int] | None, fit: Fit) -> tuple[NDArray[Any], int]:
    """An image brought to a size, and how many of its pixels were padded.

    Args:
        image: (C, H, W).
        size: (height, width); None leaves it as it is.
        fit: "scale" resamples; "cover" resamples both sides alike, so far that it is nowhere too small, then crops; the
            others keep the middle in the middle: "crop" cuts off what is too much, "pad" adds
            what lacks, as dark as can be.

    Raises:
        ValueError: it is too small for "crop", or too large for "pad"; the message says which word would do.
    """
    if size is None or image.shape[1:] == size:
        return image, 0
    if fit == "cover":
        zoom = max(want / have for have, want in zip(image.shape[1:], size, strict=True))
        height, width = (max(want, round(have * zoom)) for have, want in zip(image.shape[1:], size, strict=True))
        return fitted(fitted(image, (height, width), "scale")[0], size, "crop")
    if fit == "scale":
        return np.stack([_scaled(channel, size) for channel in image]), 0
    small = any(have < want for have, want in zip(image.shape[1:], size, strict=True))
    large = any(have > want for have, want in zip(image.shape[1:], size, strict=True))
    if (small and fit == "crop") or (large and fit == "pad"):
        instead = "crop_and_pad" if small and large else "pad" if small else "crop"
        raise ValueError(
            f"is {image.shape[1]} × {image.shape[2]} (height × width), which cannot be "
            f"{'cropped' if fit == 'crop' else 'padded'} to {size[0]} × {size[1]}: data.fit={instead}"
        )
    for axis, want in enumerate(size, start=1):
        have = image.shape[axis]
        first = max(0, (have - want) // 2)
        image = image.take(range(first, first + min(have, want)), axis)
    added = [(want - have) for have, want in zip(image.shape[1:], size, strict=True)]
    room = [(0, 0), *((each // 2, each - each // 2) for each in added)]
    filled = np.pad(image, room, constant_values=OUTSIDE[image.dtype.kind])
    return filled, filled[0].size - image[0].size


def _scaled(channel: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    smooth = Image.Resampling.BILINEAR
    if channel.dtype == np.uint8:
        return np.asarray(Image.fromarray(channel).resize(size[::-1], smooth))
    scaled = np.asarray(Image.fromarray(channel.astype(np.float32)).resize(size[::-1], smooth))
    return scaled if channel.dtype.kind == "f" else scaled.round().astype(channel.dtype)
