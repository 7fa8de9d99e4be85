"""Pixel values and brightness: which value is background, which is white, and the way back to the files' own values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator
from torch import Tensor

from gantk.errors import DataError
from gantk.spec import DataSpec


def _percentile(text: str) -> str:
    if not re.fullmatch(r"(100(\.0+)?|\d\d?(\.\d+)?)%", text):
        raise ValueError(f"{text!r} is neither a pixel value nor a percentile such as 99.9%")
    return text


Level = float | Annotated[str, AfterValidator(_percentile)]
"""A pixel value, or a percentile of the training images: "99.9%"."""

TYPES = ("uint8", "uint16", "float32")


@dataclass(frozen=True)
class Levels:
    """What pixel values mean, for each channel.

    Args:
        background: the value that becomes the lowest of a sample's range; what lies below it becomes so, too.
        white: the value that becomes the highest; what lies above it becomes so, too.
        type: of the files' pixels: "uint8", "uint16" or "float32".
    """

    background: tuple[float, ...]
    white: tuple[float, ...]
    type: str

    @classmethod
    def whole(cls, type: str, channels: int) -> Levels:
        """The whole range of an integer type: 0 … 255 or 0 … 65535."""
        return cls((0.0,) * channels, (float(np.iinfo(type).max),) * channels, type)

    @classmethod
    def of(cls, spec: DataSpec) -> Levels | None:
        """Those of the images that samples are modelled on, one for each channel of each unit, or None if unknown."""
        return cls.read(spec.attributes.get("pixels"))

    @classmethod
    def read(cls, document: Any) -> Levels | None:
        """What `document` wrote; None where it is something else."""
        try:
            background, white = (tuple(map(float, document[name])) for name in ("background", "white"))
            levels = cls(background, white, document["type"])
        except (TypeError, KeyError, ValueError):
            return None
        return levels if levels.type in TYPES and len(background) == len(white) else None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {"type": self.type, "background": list(self.background), "white": list(self.white)}

    def pick(self, channels: Iterable[int]) -> Levels:
        """Those of some channels, in this order."""
        chosen = list(channels)
        return Levels(tuple(self.background[k] for k in chosen), tuple(self.white[k] for k in chosen), self.type)

    def samples(self, pixels: NDArray[Any]) -> Tensor:
        """Pixels (N, C, H, W) as they are kept: uint8 as they are where all 256 values count, else from -1 to 1."""
        if self == Levels.whole("uint8", len(self.white)):
            return torch.from_numpy(pixels)
        low, high = (np.array(each, np.float64)[:, None, None] for each in (self.background, self.white))
        kept = np.empty(pixels.shape, np.float32)
        for image, place in zip(pixels, kept, strict=True):  # one by one: of large sets there is no room for copies
            place[:] = ((image - low) / (high - low)).clip(0, 1) * 2 - 1
        return torch.from_numpy(kept)

    def pixels(self, samples: Tensor, span: tuple[float, float]) -> NDArray[Any]:
        """Samples (N, C, H, W) in the files' own values and type; what `samples` undoes, but for rounding."""
        low, high = (np.array(each, np.float64)[:, None, None] for each in (self.background, self.white))
        share = ((samples.double().cpu().numpy() - span[0]) / max(span[1] - span[0], 1e-12)).clip(0, 1)
        values = low + share * (high - low)
        if self.type == "float32":
            return values.astype(np.float32)
        return values.round().clip(0, np.iinfo(self.type).max).astype(self.type)

    def values(self, pixels: NDArray[Any], span: tuple[float, float]) -> Tensor:
        """Pixels (N, C, H, W) as samples within `span`: what `pixels` undoes."""
        low, high = (np.array(each, np.float64)[:, None, None] for each in (self.background, self.white))
        share = (pixels - low) / (high - low)
        return torch.from_numpy((share * (span[1] - span[0]) + span[0]).astype(np.float32))


def levels_of(
    parts: Sequence[NDArray[Any]],
    padded: int,
    names: Sequence[str],
    background: Sequence[Level],
    white: Sequence[Level | None],
) -> Levels:
    """The levels of each channel; percentiles are those of these images.

    Args:
        parts: the training images, (N, C, H, W) each.
        padded: how many pixels of a channel were padded; they do not count.
        names: of the channels.
        background: of each channel.
        white: of each channel; None: the highest value of the type.

    Raises:
        DataError: floating-point images without `white`; white that is not above background.
    """
    type_ = parts[0].dtype.name
    lows, highs = [], []
    for channel, (name, dark, bright) in enumerate(zip(names, background, white, strict=True)):
        if bright is None and type_ == "float32":
            raise DataError(
                "pixels that are floating-point numbers have no highest value; say which is white: a number, or a "
                "percentile of the training images: data.white=99.99%"
            )
        bright = float(np.iinfo(type_).max) if bright is None else bright
        shares = [float(each[:-1]) / 100 for each in (dark, bright) if isinstance(each, str)]
        found = iter(_percentiles([part[:, channel] for part in parts], padded, shares) if shares else [])
        low, high = (next(found) if isinstance(each, str) else each for each in (dark, bright))
        if not high > low:
            same = ": it has one value everywhere; leave it out of data.channels" if shares else ""
            raise DataError(f"channel {name}: data.white ({high:g}) is not above data.background ({low:g}){same}")
        lows.append(low)
        highs.append(high)
    return Levels(tuple(lows), tuple(highs), type_)


def _percentiles(parts: list[NDArray[Any]], padded: int, shares: list[float]) -> list[float]:
    """The least values that these shares of the pixels do not exceed."""
    if parts[0].dtype.kind == "u":
        top = int(np.iinfo(parts[0].dtype).max)
        counts = np.sum([np.bincount(part.ravel(), minlength=top + 1) for part in parts], axis=0)
        counts[0] -= padded  # these are 0
        reached = np.cumsum(counts)
        return [float(np.searchsorted(reached, max(1, np.ceil(share * reached[-1])))) for share in shares]
    every = np.concatenate([part[np.isfinite(part)] for part in parts])  # padded ones are minus infinity
    return np.quantile(every, shares, method="inverted_cdf").astype(float).tolist()


def for_each(value: Any, channels: int, name: str) -> list[Any]:
    """One value for all channels, or a list of one for each, as a list.

    Raises:
        DataError: a list of another length.
    """
    values = value if isinstance(value, list) else [value] * channels
    if len(values) != channels:
        raise DataError(f"data.{name} has {len(values)} values for {channels} channels; give one for all, or one each")
    return values
