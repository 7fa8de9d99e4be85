"""Data set `lin`: the Localization Interdependency Network (Dodgson et al. 2017), or a folder of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Len, Lt

from gantk.errors import DataError
from gantk_cells.data.layouts import CellImages, Layout, part
from gantk_cells.files import folders, images
from gantk_cells.files.folders import Tree
from gantk_cells.files.images import ClassImages, Reading
from gantk_cells.pixel_values import Level, Levels, for_each, levels_of
from gantk_cells.sizes import Fit
from gantk_cells.stack import GROWTH_MARKER

LIN_CHANNELS = (GROWTH_MARKER, "protein")
LIN_PIXEL = 0.1  # micrometres

Channel = Annotated[int, Ge(0)] | Annotated[str, Len(1)]


class Lin(CellImages):
    """Images in class folders: LIN's `…_train/Alp14/*.png` and `…_test/…`, or any folder of class folders.

    PNG or TIFF (OME-TIFF with its channel names, ImageJ's, plain), one cell a file, of 8 or 16 bits or floating-point.
    LIN: fission-yeast cells, 48 × 80 pixels of 0.1 µm; red is Bgs4 (growth zones), green one of 41 polarity factors.
    Images are read once and kept in a cache (`$GANTK_CACHE`, else `~/.cache/gantk`) until their folder changes.
    In training each image is turned over at random along both axes.

    Args:
        split: "train", "validation" or "test".
        root: the folder above `…_train` and `…_test`, one of these, or that of one protein; or a folder of your own.
        proteins: which classes, in this order; null takes all, sorted.
        layout: `pairs`: a sample is one image, labelled with its protein; `per_class`: one image of each protein;
            `composite`: one cell as a stack of red and all greens, those it lacks from the cells with the nearest red.
        channels: which channels of the files, red first: numbers from 0, or the names that the files give; in LIN 0 is
            Bgs4, 1 the protein, 2 is empty.
        channel_names: a name for each channel; null takes those of the files, else "channel 0", …; of LIN and simulated
            cells "Bgs4" and "protein".
        size: [height, width] in pixels that images are brought to; null takes them as they are.
        fit: how: `scale` resamples; `crop` keeps the middle, `pad` puts background around, `crop_and_pad` does both.
        background: the pixel value that becomes black, or a percentile of the training images ("1%"); one for all
            channels, or a list of one each.
        white: the pixel value that becomes the brightest, or a percentile ("99.99%"), linearly from the background and
            clipped above; null takes the highest of 8 or 16 bits. 4095 for a camera of 12 bits.
        damaged: whether an unreadable or truncated file is an error, or is left out and counted.
        validation: share of the training images held out to choose by; by a hash of the file's name, so it is stable.
        test: share held out to report on, where there is no `…_test` folder.
        pixel_size_um: size of a pixel in micrometres, for scale bars and files; null takes what the files say; of LIN
            and simulated cells 0.1.

    Raises:
        DataError: data that are missing, damaged or of another form; the message names the file and the cure.
    """

    def __init__(
        self,
        split: str,
        *,
        root: Path,
        proteins: Annotated[list[str], Len(1)] | None = None,
        layout: Layout = "pairs",
        channels: Annotated[list[Channel], Len(1)] = [0, 1],  # noqa: B006 - read only
        channel_names: list[str] | None = None,
        size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None,
        fit: Fit = "scale",
        background: Level | list[Level] = 0.0,
        white: Level | list[Level] | None = None,
        damaged: Literal["error", "skip"] = "error",
        validation: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        test: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        pixel_size_um: Annotated[float, Gt(0)] | None = None,
    ):
        if channel_names and len(channel_names) != len(channels):
            raise DataError(f"data.channel_names has {len(channel_names)} names for {len(channels)} channels")
        reading = Reading(tuple(channels), (size[0], size[1]) if size else None, fit, damaged)
        tree = folders.find(root, proteins, layout)
        classes, levels = read_split(tree, split, reading, (validation, test), background, white)
        names = channel_names or _names(classes, channels, tree.is_lin)
        if pixel_size_um is None and tree.is_lin and not (size and fit == "scale"):
            pixel_size_um = LIN_PIXEL
        super().__init__(
            classes, layout, names, origin_of(tree, classes), pixel_size_um or classes[0].pixel_size, levels
        )


def read_split(
    tree: Tree,
    split: str,
    reading: Reading,
    shares: tuple[float, float],
    background: Level | list[Level],
    white: Level | list[Level] | None,
) -> tuple[list[ClassImages], Levels]:
    """The images of a split, and the levels of their channels, which come from the training images in any split.

    Args:
        tree: where they lie.
        split: "train", "validation" or "test".
        reading: how.
        shares: of the validation and, where there is no test folder, of the test split.
        background: one for all channels, or one for each.
        white: the same; None: the highest value of the type.

    Raises:
        DataError: images that cannot be read, or that are unlike each other.
    """
    validation, test = shares

    def parts(name: str) -> list[ClassImages]:
        if name == "test" and tree.test is not None:
            return images.load(tree.test, reading)
        share = test if tree.test is None else 0.0
        return [part(one, name, test=share, validation=validation) for one in images.load(tree.train, reading)]

    classes = parts(split)
    count = classes[0].images.shape[1]
    lows, highs = for_each(background, count, "background"), for_each(white, count, "white")
    relative = any(isinstance(each, str) for each in (*lows, *highs))
    trained = parts("train") if relative and split != "train" else classes
    padded = sum(int(one.padded.sum()) for one in trained if one.padded is not None)
    names = classes[0].channels or [str(number) for number in range(count)]
    levels = levels_of([one.images for one in trained], padded, names, lows, highs)
    if classes[0].images.dtype.name != levels.type:
        raise DataError(f"the training images are {levels.type}, those of the {split} split {classes[0].images.dtype}")
    if split == "train":
        images.warn_if_dark(classes, levels.white, names)
    return classes, levels


def origin_of(tree: Tree, classes: list[ClassImages]) -> str:
    """What the images are: what their files say, else what lies beside them, else "real"."""
    return " and ".join(sorted({one.origin for one in classes} - {""})) or tree.origin


def _names(classes: list[ClassImages], channels: list[Any], is_lin: bool) -> list[str]:
    given = {one.channels for one in classes}
    common = given.pop() if len(given) == 1 else ()
    if common and all(common) and len(set(common)) == len(common):
        return list(common)
    if is_lin and len(channels) == 2:
        return list(LIN_CHANNELS)
    return [each if isinstance(each, str) else f"channel {each}" for each in channels]
