"""Data set `images`: any folder of images, in class folders or not, grey, in colour or of more channels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Len, Lt
from numpy.typing import NDArray
from torch import Tensor

from gantk import machine
from gantk.console import say
from gantk.interfaces import Batch
from gantk.messages import byte_size
from gantk.spec import DataSpec
from gantk_basics.data.augmented import AugmentedImages
from gantk_basics.data.image_splits import origin_of, read_split
from gantk_basics.files.images import folders
from gantk_basics.files.images.alpha import Alpha
from gantk_basics.files.images.class_folder import Links, Rules, SubFolders
from gantk_basics.files.images.class_images import ClassImages
from gantk_basics.files.images.read_file import Colours, FileImages, Reading, read_file
from gantk_basics.files.images.streamed import PixelsOnDisk
from gantk_basics.image_augmentation import Augmentation
from gantk_basics.image_sizes import Fit
from gantk_basics.pixel_values import Level, Levels

Channel = Annotated[int, Ge(0)] | Annotated[str, Len(1)]
COLOURS = ("red", "green", "blue")


class ImageFolder(AugmentedImages):
    """A folder of images: JPEG, PNG, WebP, BMP or TIFF, grey, in colour or of any number of channels, 8 or 16 bits.

    Class folders give labels: `flowers/rose/*.jpg`, `flowers/tulip/*.jpg`; images in one folder have none. Splits may
    be folders (`train`, `validation`, `test`, also in every class); those that are not there are made of the training
    images by a hash of each file's name. Equal images, turned over or not, are never in two splits. Photos are set
    upright by their EXIF orientation. Gamma and colour profiles are not applied, which is said. Palettes of PNG and BMP
    are colours, those of TIFF are for display: there the numbers in the file count. Hidden and system files are passed
    over; other files that are not read are counted and said.
    Images are read once and kept in a cache (`$GANTK_CACHE`, else `~/.cache/gantk`) until their folder changes.

    Args:
        split: "train", "validation" or "test".
        root: the folder.
        classes: names of class folders, in this order; null takes all, sorted.
        channels: `grey` (brightness of colours), `rgb` (grey in three equal channels), or a list of channels by number
            or by the name that the file gives; null takes files as they are, and refuses those of several kinds.
        channel_files: words in the names of files that tell channels apart, where each is a file of its own:
            [_red, _green]; [] where every file is an image; null refuses such files.
        sub_folders: `pool` reads images in sub-folders of a class as its own, `pass_over` does not; null does where
            they are named as replicates are (rep2, plate1) or there is only one.
        links: whether links that lead out of `root` are refused, or followed (`follow`).
        size: [height, width] in pixels that images are brought to; null takes them as they are, if all are equal.
        fit: how: `cover` resamples so far that nothing lacks and crops the middle, `scale` resamples each side by
            itself, `crop` keeps the middle, `pad` puts the darkest value around, `crop_and_pad` does both.
        alpha: what becomes of transparent pixels: `drop` takes their colours as they are in the file, `white` and
            `black` put them on a ground, `error` refuses them; null drops, and says so.
        bits: of a channel, 8 or 16, that whole numbers are brought to, whole range to whole range; null takes files as
            they are, and refuses those of several kinds.
        background: the pixel value that becomes black, or a percentile of the training images ("1%"); one for all
            channels, or a list of one each.
        white: the pixel value that becomes the brightest, or a percentile ("99.9%"); null takes the highest of 8 or 16
            bits.
        damaged: whether an unreadable or truncated file is an error, or is left out and counted.
        augment: what is done to training images at random (a mapping: flips, rotations, shift, zoom, brightness,
            noise); null: nothing.
        memory: `resident` keeps all images in memory, `stream` reads each batch from the cache; null streams where they
            would take more than a quarter of the memory, or than the environment variable GANTK_DATA_MEMORY says.
        validation: share of the training images held out to choose by, where there is no folder for it.
        test: share held out to report on, where there is no folder for it.

    Raises:
        DataError: data that are missing, damaged or of another form; the message names the file and the cure.
    """

    def __init__(
        self,
        split: str,
        *,
        root: Path,
        classes: Annotated[list[str], Len(1)] | None = None,
        channels: Colours | Annotated[list[Channel], Len(1)] | None = None,
        channel_files: list[str] | None = None,
        sub_folders: SubFolders | None = None,
        links: Links = "refuse",
        size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None,
        fit: Fit = "cover",
        alpha: Alpha | None = None,
        bits: Literal[8, 16] | None = None,
        background: Level | list[Level] = 0.0,
        white: Level | list[Level] | None = None,
        damaged: Literal["error", "skip"] = "error",
        augment: Augmentation | None = None,
        memory: Literal["resident", "stream"] | None = None,
        validation: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        test: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
    ):
        rules = Rules(links, None if channel_files is None else tuple(channel_files), sub_folders, "class")
        tree = folders.find(root, classes, rules)
        colours: Colours | None = channels if isinstance(channels, str) else None
        reading = Reading(
            tuple(channels) if isinstance(channels, list) else None,
            (size[0], size[1]) if size else None,
            fit,
            damaged,
            alpha=alpha,
            colours=colours,
            bits=bits,
            pictures=True,
        )
        if memory == "stream" or (memory is None and _too_large(tree, reading, split)):
            reading = Reading(**{**vars(reading), "stream": True})
        read, levels = read_split(tree, split, reading, (validation, test), background, white)
        labels = torch.arange(len(read)).repeat_interleave(torch.tensor([len(one.images) for one in read]))
        self.files = [f"{one.name}/{file}" if len(read) > 1 else file for one in read for file in one.files]
        self.rows: _Rows | None = None
        if reading.stream:
            self.rows = _Rows([one.images for one in read], levels)
            stored = torch.empty(0, *read[0].images.shape[1:])  # what is asked of it stays on disk
        else:
            stored = torch.cat([levels.samples(one.images) for one in read])
        names = tuple(one.name for one in read) if len(read) > 1 else ()
        super().__init__(
            _spec(read, levels, channels, names, origin_of(tree, read)),
            stored,
            labels=labels if names else None,
            augment=augment,
        )

    def __len__(self) -> int:
        return len(self.files)

    def to(self, device: torch.device) -> ImageFolder:
        """Moves what is in memory to `device`; batches of streamed images go there one by one."""
        super().to(device)
        self.device = device
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The images of `indices`, (B,) on the CPU; with `rng`, augmented at random."""
        if self.rows is None:
            return super().batch(indices, rng)
        stored = self.rows.read(indices.numpy()).to(self.stored.device)
        labels = None if self.labels is None else self.labels[indices.to(self.labels.device)]
        return Batch(self.finish(stored, rng), labels)

    @property
    def augments(self) -> bool:
        """Whether a batch draws anything at random."""
        return bool(self.flips) or self.augment is not None

    @property
    def class_counts(self) -> dict[str, int] | None:
        """Class to how many images there are of it; None where there are no classes."""
        if self.labels is None:
            return None
        counts = torch.bincount(self.labels, minlength=len(self.spec.classes))
        return dict(zip(self.spec.classes, counts.tolist(), strict=True))

    def sample_names(self, indices: Tensor) -> list[str]:
        """The files of these images, with the folder of their class."""
        return [self.files[at] for at in indices.tolist()]


class _Rows:
    """Images of several classes on disk, in one order, as they are kept in memory otherwise."""

    def __init__(self, parts: list[PixelsOnDisk], levels: Levels):
        self.parts, self.levels = parts, levels
        self.ends = np.cumsum([len(part) for part in parts])

    def read(self, rows: NDArray[np.int64]) -> Tensor:
        """The stored values of some images, (B, C, H, W)."""
        which = np.searchsorted(self.ends, rows, side="right")
        found = np.empty((len(rows), *self.parts[0].shape[1:]), self.parts[0].dtype)
        for number in np.unique(which):
            at = np.flatnonzero(which == number)
            start = self.ends[number] - len(self.parts[number])
            found[at] = self.parts[number][rows[at] - start]
        return self.levels.samples(found)


def _too_large(tree: folders.Tree, reading: Reading, split: str) -> bool:
    """Whether all images would take more memory than data may, by the first one that can be read."""
    every = [folder for part in tree.splits().values() for folder in part]
    count = sum(len(folder.files) for folder in every)
    limit = machine.data_limit()
    for folder in every:
        for number in range(len(folder.files)):
            first = read_file(folder, number, reading)
            if isinstance(first, FileImages):
                each = first.images.size * (1 if first.images.dtype == np.uint8 else 4)
                if limit is None or count * each <= limit:
                    return False
                if split != "train":  # said once
                    return True
                say(
                    f"{count:,} images would take about {byte_size(count * each)} of memory: they are decoded once "
                    "into the cache and read from there (data.memory=resident keeps them in memory)"
                )
                return True
    return False


def _spec(read: list[ClassImages], levels: Levels, channels: Any, names: tuple[str, ...], origin: str) -> DataSpec:
    """What one image is."""
    shape = tuple(read[0].images.shape[1:])
    given = {one.channels for one in read}
    named = next(iter(given)) if len(given) == 1 else ()
    colour = channels == "rgb" or (channels is None and read[0].kind.startswith("RGB"))
    if colour:
        named = COLOURS
    elif len(named) != shape[0] or len(set(named)) < len(named):
        numbers = channels if isinstance(channels, list) else range(shape[0])
        named = () if shape[0] == 1 else tuple(each if isinstance(each, str) else f"channel {each}" for each in numbers)
    sizes = {one.pixel_size for one in read}
    size = sizes.pop() if len(sizes) == 1 else None
    return DataSpec(
        shape=shape,
        axes=("channel", "y", "x"),
        range=(-1.0, 1.0),
        names={"channel": named} if named else {},
        classes=names,
        view="basics/images",
        formats=("basics/hdf5",),
        origin=origin,
        attributes={"pixels": levels.document(), **({} if size is None else {"pixel_size_um": size})},
    )
