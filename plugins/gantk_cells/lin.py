"""Data set `lin`: the Localization Interdependency Network (Dodgson et al. 2017), or a folder of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len, Lt

from gantk.errors import DataError
from gantk_cells import folders, images
from gantk_cells.images import Reading
from gantk_cells.layouts import CellImages, Layout, part

LIN_CHANNELS = ("Bgs4", "protein")


class Lin(CellImages):
    """Images in class folders: LIN's `…_train/Alp14/*.png` and `…_test/…`, or any folder of class folders.

    LIN: fission-yeast cells, 48 × 80 pixels of 0.1 µm; red is Bgs4 (growth zones), green one of 41 polarity factors.
    Images are read once and kept in a cache (`$GANTK_CACHE`, else `~/.cache/gantk`) until their folder changes.
    In training each image is turned over at random along both axes.

    Args:
        split: "train", "validation" or "test".
        root: the folder above `…_train` and `…_test`, one of these, or that of one protein; or a folder of your own.
        proteins: which classes, in this order; null takes all, sorted.
        layout: `pairs`: a sample is one image, labelled with its protein; `per_class`: one image of each protein;
            `composite`: one cell as a stack of red and all greens, those it lacks from the cells with the nearest red.
        channels: which channels of the files, counted from 0; in LIN 0 is Bgs4, 1 the protein, 2 is empty.
        channel_names: a name for each channel; null takes "Bgs4" and "protein" for two, else "channel 0", ….
        size: [height, width] in pixels that images are scaled to; null takes them as they are.
        white: the value of 16-bit images that becomes the brightest, linearly from 0 and clipped above: 4095 for a
            camera of 12 bits. Images of 8 bits are taken as they are.
        damaged: whether an unreadable or truncated file is an error, or is left out and counted.
        validation: share of the training images held out to choose by; by a hash of the file's name, so it is stable.
        test: share held out to report on, where there is no `…_test` folder.
        pixel_size_um: size of a pixel in micrometres, written to files.

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
        channels: Annotated[list[Annotated[int, Ge(0)]], Len(1)] = [0, 1],  # noqa: B006 - read only
        channel_names: list[str] | None = None,
        size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None,
        white: Annotated[int, Ge(1), Le(65535)] = 65535,
        damaged: Literal["error", "skip"] = "error",
        validation: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        test: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        pixel_size_um: Annotated[float, Gt(0)] = 0.1,
    ):
        names = channel_names or (LIN_CHANNELS if len(channels) == 2 else [f"channel {number}" for number in channels])
        if len(names) != len(channels):
            raise DataError(f"data.channel_names has {len(names)} names for {len(channels)} channels")
        reading = Reading(tuple(channels), (size[0], size[1]) if size else None, white, damaged)
        tree = folders.find(root, proteins, layout)
        if split == "test" and tree.test is not None:
            classes = images.load(tree.test, reading)
        else:
            share = test if tree.test is None else 0.0
            read = images.load(tree.train, reading)
            if split == "train":
                images.warn_if_dark(read, channels)
            classes = [part(one, split, test=share, validation=validation) for one in read]
        super().__init__(classes, layout, names, tree.origin, pixel_size_um)
