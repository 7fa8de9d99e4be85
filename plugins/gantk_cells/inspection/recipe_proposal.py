"""From what a folder of images holds to a recipe that trains on them, and to what its owner should know before."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from gantk_basics import image_sizes
from gantk_basics.files.images.decode import Decoded
from gantk_basics.files.images.folders import shown
from gantk_basics.inspection.survey import Survey

from gantk.errors import DataError
from gantk_cells.inspection.inspector import Kinds

CONDITION = (
    r"control|ctrl|dmso|vehicle|mock|treat|stimul|infect|starv|stress|wild.?type|mutant|delta|Δ"
    r"|(?<![a-z])(wt|ko|kd|day)(?![a-z])|(?<![a-z])(?-i:si[A-Z])|\d\s*([nuµμm]M|[nuµμm]?g|h|hrs?|min|days?|°?C)(?![a-z])"
)
"""What names of conditions have and names of proteins have not: treatments, mutants, doses, times."""

LARGE = 256  # pixels of a side above which an image is probably a field of view
OUTLIER = 1.5  # times the usual side: larger images are cropped rather than all others padded
CUT = 1 / 16  # of a side that may be cut off so that nets can halve it; where it is more, images are padded
DARK = 64  # of 255: where nearly all pixels of 8 bits are darker, white is proposed
WHITE, BACKGROUND = "99.99%", "1%"
OFFSET = 0.02  # share of the brightness that a background must have to be worth subtracting


def usable(found: Survey) -> tuple[Survey, list[str]]:
    """The classes that can be read together, and what is left out: folders of masks, of fewer or more channels.

    Where files name their channels alike, their number does not matter.
    """
    counts = {each.name: Counter[int]() for each in found.classes if each.images}
    for each in found.classes:
        for shape, images in each.shapes.items():
            counts[each.name][shape[0]] += images
    total = sum(counts.values(), Counter[int]())
    if len(total) < 2 or len(counts) < 2 or _names(found, _lit(found)):
        return found, []
    usual = max(total, key=lambda count: (total[count], count))
    odd = {name: next(iter(own)) for name, own in counts.items() if usual not in own}
    said = [
        f"{name} is left out of the recipe: its images have {count} channel{'s' * (count > 1)}, others {usual}; are "
        "they masks? To train on them, give the folder alone"
        for name, count in odd.items()
    ]
    return found.only(set(counts) - set(odd)), said


def _lit(found: Survey) -> list[int]:
    """The channels of all images that are not empty."""
    fewest = min((shape[0] for shape in found.count("shapes")), default=0)
    return [k for k in range(fewest) if found.channel(k).highest > found.channel(k).lowest] or [0]


def data_block(found: Survey, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The `data` block that reads these images: channels, one size that nets can halve, background and white.

    Args:
        found: images that can be read together.
        given: keys of the block that are already decided.

    Raises:
        DataError: no image can be read.
    """
    given = given or {}
    shapes = found.count("shapes")
    if not shapes:
        first = next(reason for each in found.classes for _, reason in each.damaged)
        raise DataError(f"{shown(found.root)}: none of its images can be read; the first:\n{shown(first)}")
    fewest = min(shape[0] for shape in shapes)
    repeats = found.repeats()
    lit = [k for k in _lit(found) if k not in repeats] or [0]
    colour = any(each.colour for each in found.classes)
    alone = len({each.name for each in found.classes if each.images}) == 1
    one_folder = found.flat or len(found.classes) == 1
    complete = one_folder and len(lit) > 2 and not colour and not found.is_lin
    stacks = given.get("use", "cells/stacks" if complete else "cells/lin") == "cells/stacks"
    root = found.root if found.flat or not stacks else found.classes[0].path
    block: dict[str, Any] = {"use": "cells/stacks" if stacks else "cells/lin", "root": str(root.absolute())}
    if found.rules.channel_files:
        block["channel_files"] = list(found.rules.channel_files)
    numbers = lit if stacks or (colour and alone) else lit[:2]
    chosen = given.get("channels") or _by_name(found, numbers)
    more = not stacks and len(lit) > len(numbers)  # said here, so that the data set need not
    if more or chosen != (list(range(fewest)) if stacks else [0, 1]):
        block["channels"] = chosen
    by_number = chosen == numbers and not _names(found, numbers)
    if stacks and by_number:
        block["channel_names"] = ["red", *(f"protein{k}" for k in range(1, len(numbers)))]
    elif by_number and len(_orders(found)) > 1:
        block["channel_names"] = [f"channel {k}" for k in numbers]
    block |= _size(shapes)
    block |= _levels(found, numbers)
    if any(each.damaged for each in found.classes):
        block["damaged"] = "skip"
    if stacks:
        layout = "per_class" if len(chosen) > 2 else "composite"
    else:
        layout = "pairs" if alone or len(chosen) != 2 else "per_class"
    return block | {"layout": layout} | dict(given)


def _orders(found: Survey) -> set[tuple[str, ...]]:
    """What the files call their channels, in every order that there is; those without names do not count."""
    return {names for names in found.count("names") if names}


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
        size = image_sizes.cropped(*usual)
        if size is None or any(have - want > have * CUT for have, want in zip(usual, size, strict=True)):
            size = image_sizes.padded(*usual)
        if size == usual:
            return {}
    else:
        kept = [size for size in counted if all(have <= OUTLIER * side for have, side in zip(size, usual, strict=True))]
        size = image_sizes.padded(max(h for h, _ in kept), max(w for _, w in kept))
    smaller = any(have < want for each in counted for have, want in zip(each, size, strict=True))
    larger = any(have > want for each in counted for have, want in zip(each, size, strict=True))
    return {"size": list(size), "fit": "crop_and_pad" if smaller and larger else "pad" if smaller else "crop"}


def _levels(found: Survey, numbers: list[int]) -> dict[str, Any]:
    """`white` and `background` where the whole range of the type would be dark or does not exist."""
    channels = [found.channel(k) for k in numbers]
    if set(found.count("types")) == {"uint8"} and all(each.percentiles()[-1] >= DARK for each in channels):
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
    elif len(orders := _orders(found)) > 1 and "channel_names" in data:
        listed = "; ".join(", ".join(each) for each in sorted(orders)[:3])
        said.append(
            f"the files call their channels differently ({listed}{'; …' if len(orders) > 3 else ''}): they are taken "
            "in the order of the files, which should be the same in all; data.channel_names says what they are"
        )
    said += _unread_channels(found, data)
    height, width = np.max([shape[1:] for shape in shapes], axis=0)
    if max(height, width) > LARGE:
        said.append(
            f"images of up to {height} × {width}: the nets here draw one cell an image; cut single cells out of fields "
            "of view first"
        )
    if repeats := found.repeats():
        same = ", ".join(f"{k} = {first}" for k, first in repeats.items())
        said.append(f"channels repeat each other in every image ({same}; grey saved in colour?): each is read once")
    if not data_pixel_size(found):
        said.append("the files do not say how large a pixel is: without data.pixel_size_um there is no scale bar")
    elif len(found.count("pixel_sizes")) > 1:
        said.append("the files say different sizes of a pixel: the commonest is taken")
    return said


def _unread_channels(found: Survey, data: dict[str, Any]) -> list[str]:
    """What is said of channels that hold something and are not in the recipe."""
    usual = found.count("names").most_common(1)[0][0]
    known = {k: usual[k] if k < len(usual) and usual[k] else k for k in range(max(s[0] for s in found.count("shapes")))}
    chosen = data.get("channels") or (list(known) if data["use"] == "cells/stacks" else [0, 1])
    unread = [name for k, name in known.items() if k in _lit(found) and not {k, name} & set(chosen)]
    if not unread:
        return []
    every = f"data.channels=[{', '.join(str(each) for each in [*chosen, *unread])}]"
    return [
        f"not in the recipe, though not empty: channel{'s' * (len(unread) > 1)} {', '.join(map(str, unread))}. "
        f"With all of them: gantk inspect {shlex.quote(str(found.root))} data.use={data['use']} {shlex.quote(every)} "
        "--force"
    ]


def data_pixel_size(found: Survey) -> float | None:
    """Micrometres of a pixel that the data set will take; None where nobody says."""
    commonest = found.count("pixel_sizes").most_common(1)[0][0]
    return commonest or (0.1 if found.is_lin else None)


def places(decoded: Decoded, channels: list[Any]) -> list[int]:
    """The numbers of the chosen channels in one file; [] where it does not have them."""
    found = [decoded.names.index(each) if each in decoded.names else each for each in channels]
    return found if all(isinstance(each, int) and each < decoded.images.shape[1] for each in found) else []


def kinds_of(found: Survey, data: dict[str, Any], said: Kinds | None) -> Kinds | None:
    """What the classes differ in, where they are trained on side by side; None where there is nothing to ask.

    Args:
        found: the survey.
        data: the `data` block.
        said: what the owner says; None: LIN's are proteins, and names of treatments, times and doses are conditions.
    """
    if data["use"] != "cells/lin" or data["layout"] != "per_class":
        return None
    if said is not None or found.is_lin:
        return said or "proteins"
    names = {each.name for each in found.classes}
    return "conditions" if any(re.search(CONDITION, name, re.IGNORECASE) for name in names) else "proteins"


def question(kinds: Kinds, folder: Path) -> str:
    """What inspect asks of classes that nobody explained."""
    other = "conditions" if kinds == "proteins" else "proteins"
    meaning = {
        "proteins": "a star-shaped net draws all of them in one and the same cell",
        "conditions": "each class gets a net of its own, and nothing says that two pictures are of the same cell",
    }
    return (
        f"another protein in each class folder, or another condition? Taken for {kinds}: {meaning[kinds]}. For {other} "
        f"({meaning[other]}): gantk inspect {shlex.quote(str(folder))} --classes {other} --force"
    )


def recipe_text(data: dict[str, Any], classes: int, kinds: Kinds | None = None, is_lin: bool = False) -> str:
    """A recipe that trains on these data: star-shaped for several proteins, a net each for several conditions,
    separable for one class, else a DCGAN.

    Args:
        data: the block, as it is to be written.
        classes: how many there are.
        kinds: what they differ in; None: nothing is known, or a sample is a complete cell.
        is_lin: whether these are LIN's images, whose growth zones have states.
    """
    start = "width: 16, initialisation: default"
    pairs = data["layout"] == "per_class" or len(data.get("channels", [0, 1])) == 2
    if data["layout"] == "per_class" and kinds == "conditions":
        about, nets = "One separable GAN a condition", ("cells/independent_separable", "cells/per_class")
    elif data["layout"] == "per_class":
        about, nets = "Star-shaped GAN", ("cells/starshaped", "cells/per_class")
    elif pairs:
        about, nets = "Separable GAN", ("cells/separable", "cells/separable")
    else:
        about, nets = "DCGAN", ("basics/dcgan", "basics/dcgan")
    extra, smooth = (", bias: true", ", smooth: true") if pairs else ("", "")
    lines = [f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items()]
    metrics = ["{use: basics/memorisation}", "{use: basics/precision_recall}"]
    metrics += ["{use: cells/probe}"] if classes > 1 or (data["layout"] == "per_class") else []
    metrics += ["{use: cells/dependence}"] if is_lin and pairs else []
    listed = "".join(f"  - {each}\n" for each in metrics)
    rest = f"""\
generator: {{use: {nets[0]}, latent: 100, {start}{extra}{smooth}}}
critic: {{use: {nets[1]}, {start}{extra}}}
loss: {{use: basics/gan, r1: 1, r1_every: 4}}
play:
  generator_optimizer: {{use: basics/adam, lr: 2e-3, betas: [0, 0.9]}}
  critic_optimizer: {{use: basics/adam, lr: 2e-3, betas: [0, 0.9]}}
train: {{steps: 2000, batch: 16, ema: 0.995, schedule: tail, sample_every: 200, samples: 8, checkpoint_every: 500}}
evaluate:
{listed}"""
    what = (
        "complete cells" if data["use"] == "cells/stacks" else f"{classes} class{'es' if classes > 1 else ''} of images"
    )
    head = [
        "# Written by `gantk inspect`. The first channel is the one that all classes share (red); say which with",
        "# data.channels. The sizes and the training settings are those of lin_starshaped_long, for a CPU.",
        f"about: {about}, {what}",
        "seed: 0",
        "data:",
    ]
    return "\n".join([*head, *lines, rest])
