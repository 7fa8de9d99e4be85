"""What `gantk inspect` says of a folder of images for `basics/images`: what it holds, a picture, a recipe that runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from gantk.errors import DataError
from gantk.interfaces import Inspection, InspectRequest, Samples
from gantk.spec import DataSpec
from gantk_basics import image_sizes
from gantk_basics.files.images.class_folder import Rules, shown
from gantk_basics.files.images.decode import Decoded
from gantk_basics.inspection.survey import ClassSurvey, Survey, survey
from gantk_basics.inspection.survey_tables import as_document, damaged, remarks, tables
from gantk_basics.views.images import Images

SIDE = 64  # pixels of the shorter side that is proposed for larger images
MOST = 96  # pixels of a side up to which images stay as they are
DARK = 64  # of 255: where nearly all pixels of 8 bits are darker, white is proposed
FEW = 1000  # training images below which augmentation is advised
LUMINANCE = np.array([0.299, 0.587, 0.114])


def inspect_folder(request: InspectRequest) -> Inspection:
    """Looks at every image under a folder.

    Args:
        request: the folder, keys of the `data` block, parameters of the picture.

    Raises:
        DataError: there are no images, or none can be read.
    """
    given = {name: value for name, value in request.data.items() if name != "use"}
    files, classes = given.get("channel_files"), given.get("classes")
    markers = tuple(map(str, files)) if isinstance(files, list) else None
    rules = Rules(given.get("links", "refuse"), markers, given.get("sub_folders"), "class")
    root = Path(str(given.get("root", request.path)))
    found = survey(root, rules, list(map(str, classes)) if isinstance(classes, list) else None)
    data = data_block(found, given)
    return Inspection(
        recipe_text(data, len({each.name for each in found.classes})),
        data,
        tables=tables(found),
        advice=advice(found, data),
        if_refused=[*damaged(found), *remarks(found)],  # else the data set says so
        picture=first_images(found, data, request.view),
        picture_text="the first images of each class",
        document={"origin": found.origin, "classes": [as_document(each) for each in found.classes]},
    )


def data_block(found: Survey, given: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` block that reads these images: channels, bits, a size that nets can halve, white.

    Args:
        found: the images.
        given: keys of the block that are decided already.

    Raises:
        DataError: no image can be read.
    """
    shapes, types = found.count("shapes"), set(found.count("types"))
    if not shapes:
        first = next(reason for each in found.classes for _, reason in each.damaged)
        raise DataError(f"{shown(found.root)}: none of its images can be read; the first:\n{shown(first)}")
    block: dict[str, Any] = {"use": "basics/images", "root": str(found.root.absolute())}
    if found.rules.channel_files:
        block["channel_files"] = list(found.rules.channel_files)
    counts = {shape[0] for shape in shapes}
    if counts == {1, 3} and any(each.colour for each in found.classes):
        block["channels"] = "rgb"
    elif counts == {3} and set(found.repeats()) == {1, 2}:
        block["channels"] = "grey"
    elif len(counts) > 1:
        block["channels"] = [0]
    if types == {"uint8", "uint16"}:
        block["bits"] = 16
    block |= _size(shapes)
    deep = any(type != "uint8" for type in types)
    enough = DARK if not deep else 65535 / 4 if "uint16" in types else np.inf
    if _brightest(found) < enough:
        block["white"] = "99.9%"
    if any(each.damaged for each in found.classes):
        block["damaged"] = "skip"
    return block | dict(given)


def _brightest(found: Survey) -> float:
    """The value that nearly no pixel exceeds."""
    numbers = {number for each in found.classes for number in each.channels}
    return max(found.channel(number).percentiles()[-1] for number in numbers)


def _size(shapes: Counter[tuple[int, ...]]) -> dict[str, Any]:
    """`size` where images are not all of one size that nets can halve, or large."""
    counted: Counter[tuple[int, ...]] = Counter()
    for shape, images in shapes.items():
        counted[shape[1:]] += images
    height, width = counted.most_common(1)[0][0]
    shrunk = min(1.0, SIDE / min(height, width)) if max(height, width) > MOST else 1.0
    size = image_sizes.nearest(max(round(height * shrunk), 12), max(round(width * shrunk), 12))
    return {} if len(counted) == 1 and size == (height, width) else {"size": list(size)}


def advice(found: Survey, data: Mapping[str, Any]) -> list[str]:
    """What the owner of the images should know before training."""
    said = []
    kinds = {"rgb": "grey pictures get three equal channels", "grey": "all are grey, saved in colour"}
    if isinstance(channels := data.get("channels"), str) and channels in kinds:
        said.append(f"data.channels={channels}: {kinds[channels]}")
    if channels == [0]:
        said.append("files differ in their number of channels: the first of each is read; data.channels says which")
    if data.get("bits"):
        said.append(f"pixels of 8 and of 16 bits: data.bits={data['bits']} brings the whole range to the whole range")
    count = sum(each.images for each in found.classes)
    if count < FEW and "augment" not in data:
        said.append(
            f"{count} images are few. Where they may be mirrored, moved or brightened, add it to the recipe: "
            "augment: {flips: x, shift: 0.1, brightness: 0.1}"
        )
    return said


def first_images(found: Survey, data: Mapping[str, Any], view: Mapping[str, Any]) -> Image.Image:
    """The first images of each class in a picture, of the size and in the channels of the recipe."""
    size = data.get("size") or found.count("shapes").most_common(1)[0][0][1:]
    blocks: dict[str, dict[str, Samples]] = {}
    top = {"uint8": 255.0, "uint16": 65535.0}
    white = _brightest(found) if "white" in data else None
    spec = None
    for each in found.classes:
        drawn = []
        for decoded in each.first:
            pixels, _ = image_sizes.fitted(_channels(decoded, data), (size[0], size[1]), data.get("fit", "cover"))
            drawn.append(pixels / (white or top.get(pixels.dtype.name) or max(float(pixels.max()), 1e-12)))
        if drawn and len({image.shape for image in drawn}) == 1:
            samples = torch.from_numpy(np.stack(drawn).clip(0, 1).astype(np.float32))
            spec = spec or DataSpec(tuple(samples.shape[1:]), ("channel", "y", "x"), range=(0.0, 1.0))
            one = Samples(samples=samples, spec=replace(spec, shape=tuple(samples.shape[1:])))
            blocks[_title(each)] = {f"{each.images} image{'s' * (each.images != 1)}": one}
    if spec is None:
        raise DataError(f"{shown(found.root)}: none of its images can be drawn")
    return Images(spec, **view).blocks(blocks, f"{found.root}: the first images of each class")


def _title(each: ClassSurvey) -> str:
    return f"{each.name} {each.split}".strip()


def _channels(decoded: Decoded, data: Mapping[str, Any]) -> Any:
    image, channels = decoded.images[0], data.get("channels")
    if channels == "rgb" and len(image) == 1:
        return image.repeat(3, axis=0)
    if channels == "grey" and len(image) == 3:
        return np.tensordot(LUMINANCE, image, axes=1).round().astype(image.dtype)[None]
    if isinstance(channels, list):
        numbers = [decoded.names.index(each) if each in decoded.names else each for each in channels]
        return image[[each for each in numbers if isinstance(each, int) and each < len(image)] or [0]]
    return image


def recipe_text(data: Mapping[str, Any], classes: int) -> str:
    """A recipe that trains a DCGAN on these data; of several classes one that is told which to draw.

    Args:
        data: the block, as it is to be written.
        classes: how many there are.
    """
    lines = "\n".join(f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items())
    told = (", labels: concat", ", labels: projection") if classes > 1 else ("", "")
    more = "  - {use: basics/class_agreement}\n" if classes > 1 else ""
    return f"""\
# Written by `gantk inspect`. What the keys of data mean: gantk show basics/images
about: DCGAN, {classes} class{"es" * (classes > 1)} of images
seed: 0
data:
{lines}
generator: {{use: basics/dcgan, latent: 64, width: 16, initialisation: default{told[0]}}}
critic: {{use: basics/dcgan, width: 16, initialisation: default{told[1]}}}
loss: {{use: basics/gan, r1: 1, r1_every: 4}}
play:
  generator_optimizer: {{use: basics/adam, lr: 2e-3, betas: [0, 0.9]}}
  critic_optimizer: {{use: basics/adam, lr: 2e-3, betas: [0, 0.9]}}
train: {{steps: 3000, batch: 32, ema: 0.995, sample_every: 250, samples: 64}}
evaluate:
  - {{use: basics/memorisation}}
  - {{use: basics/precision_recall}}
{more}"""
