"""Transparency and orientation: what an image file says of its pixels beside their colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gantk.errors import DataError
from gantk_basics.files.images.class_folder import shown

Alpha = Literal["drop", "white", "black", "error"]

LEFT_OUT = (
    "alpha (how opaque a pixel is) is no intensity and is left out; data.alpha=white or black puts such images on a "
    "ground of that colour, drop leaves alpha out without this line"
)
ON_GROUND = "transparent pixels are shown on a {ground} ground, as data.alpha says"
TURNED = "stored turned or mirrored, and set upright as their EXIF orientation says"
PROFILE = "a gamma or colour profile is in the file and is not applied: the numbers in the file are taken as they are"


def without_alpha(
    path: Path, values: NDArray[Any], alpha: NDArray[Any], policy: Alpha | None, associated: bool = False
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """The colours of an image, on the ground that the policy says, and what is to be told.

    Args:
        path: of the file, for the message.
        values: the colours, (…), of any type.
        alpha: the same shape, or one that broadcasts to it; its highest value is opaque.
        policy: `drop` takes the colours as they are, `white` and `black` are grounds that shine through, `error`
            refuses an image that is transparent anywhere; None drops, and says so.
        associated: whether the colours are already multiplied by alpha.

    Raises:
        DataError: policy `error`, and a pixel that is not opaque.
    """
    top = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
    share = alpha.astype(np.float64) / top
    if policy is None:
        return values, (LEFT_OUT,)
    if policy == "error" and (share < 1).any():
        raise DataError(
            f"{shown(path)} has transparent pixels; say what they are: data.alpha=white or black (a ground of that "
            "colour), or drop (the colours as they are in the file)"
        )
    if policy in ("drop", "error"):
        return values, ()
    ground = top if policy == "white" else 0.0
    mixed = (values if associated else values * share) + ground * (1 - share)
    if values.dtype.kind != "f":
        mixed = mixed.round().clip(0, top)
    return mixed.astype(values.dtype), (ON_GROUND.format(ground=policy),)


def upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An image (…, H, W) turned and mirrored as EXIF's orientation (1 … 8) says; others leave it as it is."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(-2, -1)
    if orientation in (2, 3, 6, 7):
        image = image[..., ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[..., ::-1, :]
    return image
