"""From what a folder of images holds to a recipe that trains on them, and to what its owner should know before."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

from gantk.errors import DataError
from gantk_cells import sizes
from gantk_cells.files.decode import Decoded
from gantk_cells.files.folders import shown
from gantk_cells.inspection.survey import Survey

LARGE = 256  # pixels of a side above which an image is probably a field of view
OUTLIER = 1.5  # times the usual side: larger images are cropped rather than all others padded
DARK = 64  # of 255: where the brightest pixel of 8 bits is darker, white is proposed
WHITE, BACKGROUND = "99.99%", "1%"
OFFSET = 0.02  # share of the brightness that a background must have to be worth subtracting


def data_block(found: Survey) -> dict[str, Any]:
    """The `data` block that reads these images: channels, one size that nets can halve, background and white.

    Raises:
        DataError: no image can be read.
    """
    shapes = found.count("shapes")
    if not shapes:
        first = next(reason for each in found.classes for _, reason in each.damaged)
        raise DataError(f"{shown(found.root)}: none of its images can be read; the first:\n{shown(first)}")
    fewest = min(shape[0] for shape in shapes)
    lit = [k for k in range(fewest) if found.channel(k).highest > found.channel(k).lowest] or [0]
    colour = any(each.colour for each in found.classes)
    stacks = found.flat and ((len(lit) > 2 and not colour) or any(each.split for each in found.classes))
    block: dict[str, Any] = {"use": "cells/stacks" if stacks else "cells/lin", "root": str(found.root.absolute())}
    numbers = lit if stacks and not colour else lit[:2]
    chosen = _by_name(found, numbers)
    if chosen != (list(range(fewest)) if stacks else [0, 1]):
        block["channels"] = chosen
    if stacks and chosen == numbers and not _names(found, numbers):
        block["channel_names"] = ["red", *(f"protein{k}" for k in range(1, len(numbers)))]
    block |= _size(shapes)
    block |= _levels(found, numbers)
    if any(each.damaged for each in found.classes):
        block["damaged"] = "skip"
    several = len({each.name for each in found.classes if each.images}) > 1 and len(chosen) == 2
    if stacks:
        return block | {"layout": "per_class" if len(chosen) > 2 else "composite"}
    return block | {"layout": "per_class" if several else "pairs"}


def _names(found: Survey, numbers: list[int]) -> list[str]:
    """The names of these channels where every file gives each of them once; else []."""
    every = found.count("names")
    usual = every.most_common(1)[0][0]
    names = [usual[k] for k in numbers if k < len(usual)]
    sound = len(names) == len(numbers) and all(names)
    return names if sound and all(given.count(name) == 1 for given in every for name in names) else []


def _by_name(found: Survey, numbers: list[int]) -> list[Any]:
    """Channels by name where the files name them, else by number."""
    return _names(found, numbers) or list(numbers)


def _size(shapes: Counter[tuple[int, ...]]) -> dict[str, Any]:
    """`size` and `fit` where images are not all of one size that nets can halve."""
    counted: Counter[tuple[int, ...]] = Counter()
    for shape, images in shapes.items():
        counted[shape[1:]] += images
    usual = counted.most_common(1)[0][0]
    if len(counted) == 1:
        size = sizes.nearest(*usual)
        if size == usual:
            return {}
    else:
        kept = [size for size in counted if all(have <= OUTLIER * side for have, side in zip(size, usual, strict=True))]
        size = sizes.padded(max(h for h, _ in kept), max(w for _, w in kept))
    smaller = any(have < want for each in counted for have, want in zip(each, size, strict=True))
    larger = any(have > want for each in counted for have, want in zip(each, size, strict=True))
    return {"size": list(size), "fit": "crop_and_pad" if smaller and larger else "pad" if smaller else "crop"}


def _levels(found: Survey, numbers: list[int]) -> dict[str, Any]:
    """`white` and `background` where the whole range of the type would be dark or does not exist."""
    channels = [found.channel(k) for k in numbers]
    if set(found.count("types")) == {"uint8"} and all(each.highest >= DARK for each in channels):
        return {}
    low = [each.percentiles()[0] for each in channels]
    high = [each.percentiles()[-1] for each in channels]
    raised = any(dark > OFFSET * bright for dark, bright in zip(low, high, strict=True))
    negative = any(dark < 0 for dark in low)
    return ({"background": BACKGROUND} if raised or negative else {}) | {"white": WHITE}


def warnings_of(found: Survey, data: dict[str, Any]) -> list[str]:
    """What the owner of the images should know before training."""
    said = []
    shapes, types, names = found.count("shapes"), found.count("types"), found.count("names")
    if len(types) > 1:
        listed = ", ".join(f"{count} of {type}" for type, count in types.most_common())
        said.append(f"pixels of different types ({listed}): save all alike, a run refuses them")
    numbers = not all(isinstance(each, str) for each in data.get("channels", [0]))
    counts = {shape[0] for shape in shapes}
    if len(counts) > 1 and numbers and not any(each.colour for each in found.classes):
        said.append(f"stacks of {' and '.join(map(str, sorted(counts)))} channels: move the odd ones away")
    if any(len(set(given) - {""}) < len(given) for given in names):
        said.append("channel names that are missing or there twice: channels are chosen by number")
    height, width = np.max([shape[1:] for shape in shapes], axis=0)
    if max(height, width) > LARGE:
        said.append(
            f"images of up to {height} × {width}: the nets here draw one cell an image; cut single cells out of fields "
            "of view first"
        )
    if leaked := sum(len(each.in_training) for each in found.classes):
        said.append(f"{leaked} test images are also among the training images: delete them from either")
    if not data_pixel_size(found):
        said.append("the files do not say how large a pixel is: without data.pixel_size_um there is no scale bar")
    elif len(found.count("pixel_sizes")) > 1:
        said.append("the files say different sizes of a pixel: the commonest is taken")
    return said


def data_pixel_size(found: Survey) -> float | None:
    """Micrometres of a pixel that the data set will take; None where nobody says."""
    commonest = found.count("pixel_sizes").most_common(1)[0][0]
    return commonest or (0.1 if found.is_lin else None)


def places(decoded: Decoded, channels: list[Any]) -> list[int]:
    """The numbers of the chosen channels in one file; [] where it does not have them."""
    found = [decoded.names.index(each) if each in decoded.names else each for each in channels]
    return found if all(isinstance(each, int) and each < decoded.images.shape[1] for each in found) else []


def recipe_text(data: dict[str, Any], classes: int) -> str:
    """A recipe that trains on these data: star-shaped for several proteins, separable for one, else a DCGAN.

    Args:
        data: the block, as it is to be written.
        classes: how many there are.
    """
    start = "width: 16, initialisation: default"
    if data["layout"] == "per_class":
        about, kinds, extra = "Star-shaped GAN", ("cells/starshaped", "cells/per_class"), ", bias: true"
    elif len(data.get("channels", [0, 1])) == 2:
        about, kinds, extra = "Separable GAN", ("cells/separable", "cells/separable"), ", bias: true"
    else:
        about, kinds, extra = "DCGAN", ("basics/dcgan", "basics/dcgan"), ""
    smooth = ", smooth: true" if extra else ""
    lines = [f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items()]
    rest = f"""\
generator: {{use: {kinds[0]}, latent: 100, {start}{extra}{smooth}}}
critic: {{use: {kinds[1]}, {start}{extra}}}
loss: {{use: basics/gan, r1: 1, r1_every: 4}}
play:
  generator_optimizer: {{use: basics/adam, lr: 2e-3, betas: [0, 0.9]}}
  critic_optimizer: {{use: basics/adam, lr: 2e-3, betas: [0, 0.9]}}
train: {{steps: 2000, batch: 16, ema: 0.995, schedule: tail, sample_every: 200, samples: 8, checkpoint_every: 500}}
evaluate:
  - {{use: {"cells/dependence" if extra else "basics/diversity"}, samples: 500}}
"""
    what = (
        "complete cells" if data["use"] == "cells/stacks" else f"{classes} class{'es' if classes > 1 else ''} of images"
    )
    head = [
        "# Written by `gantk inspect`. The first channel is the one that all proteins share (red); say which with",
        "# data.channels. The sizes and the training settings are those of lin_starshaped, for a CPU.",
        f"about: {about}, {what}",
        "seed: 0",
        "data:",
    ]
    return "\n".join([*head, *lines, rest])
