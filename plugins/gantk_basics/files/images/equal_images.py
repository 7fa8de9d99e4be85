"""Digests by which equal images are known, turned or not: training shows them turned over, squares by right angles."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTES = 16


def digests(images: NDArray[Any]) -> NDArray[np.uint8]:
    """A digest of each image, the same for one that is turned over along either axis, or a square one by right angles.

    Args:
        images: (N, C, H, W).

    Returns:
        (N, 16).
    """
    found = [min(_of_turns(image)) for image in images]
    return np.frombuffer(b"".join(found), np.uint8).reshape(len(images), BYTES)


def _of_turns(image: NDArray[Any]) -> Iterator[bytes]:
    start = f"{image.shape} {image.dtype}".encode()
    upright = (image, image.swapaxes(-2, -1)) if image.shape[-2] == image.shape[-1] else (image,)
    for each in upright:
        for turned in (each, each[:, ::-1], each[:, :, ::-1], each[:, ::-1, ::-1]):
            yield blake2b(start + turned.tobytes(), digest_size=BYTES).digest()
