"""Data set `stacks`: cells in which every protein was imaged, one stack of channels a cell."""

from __future__ import annotations

from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Len, Lt
from gantk_basics.data.augmented import AugmentedImages
from gantk_basics.data.image_splits import origin_of, read_split
from gantk_basics.files.images import folders
from gantk_basics.files.images.alpha import Alpha
from gantk_basics.files.images.class_folder import Links, Rules, SubFolders
from gantk_basics.files.images.read_file import Reading
from gantk_basics.image_augmentation import Augmentation
from gantk_basics.image_sizes import Fit
from gantk_basics.pixel_values import Level
from torch import Tensor

from gantk.errors import DataError
from gantk.interfaces import Batch
from gantk_cells.data.alternate import AlternateGreens
from gantk_cells.data.layouts import images_spec
from gantk_cells.data.lin import Channel
from gantk_cells.stack import stack_spec, unstacked


class Stacks:
    """Complete cells: a folder of TIFF stacks, one a cell, each with a red channel and one of every protein.

    OME-TIFF with its channel names, ImageJ's, plain; of 8 or 16 bits or floating-point. Also what `gantk sample RUN -o
    cells.ome.tif` writes: there each time point is a cell. Nothing is borrowed or put together by chance: the channels
    of a sample are those of one cell, and are turned over together. Split by files, as `cells/lin` is. There is no
    layout of single pairs: choose two channels.

    Args:
        split: "train", "validation" or "test".
        root: the folder of stacks; or the folder above `…_train` and `…_test` that hold them; or one file.
        layout: `composite`: a sample is the stack; `per_class`: a pair of red and green for each protein, all of one
            cell, as star-shaped nets want it.
        channels: which channels of the files, red first: numbers from 0, or the names that the files give; null takes
            all in their order.
        channel_names: a name for each, whatever the files call them; null takes those of the files, else "channel 0",
            ….
        channel_files: words in the names of files that tell channels apart, where each is a file of its own:
            [_w1DAPI, _w2GFP, _w3Cy5]; [] where every file is a stack; null refuses such files.
        sub_folders: `pool` reads stacks in sub-folders, too, `pass_over` does not; null does where they are named as
            replicates are (rep2, plate1) or there is only one.
        links: whether links that lead out of `root` are refused, or followed (`follow`).
        size: [height, width] in pixels that images are brought to; null takes them as they are.
        fit: how: `scale` resamples; `crop` keeps the middle, `pad` puts background around, `crop_and_pad` does both;
            `cover` resamples so far that nothing lacks, then crops.
        background: the pixel value that becomes black, or a percentile of the training images ("1%"); one for all
            channels, or a list of one each.
        white: the pixel value that becomes the brightest, or a percentile ("99.99%"), linearly from the background and
            clipped above; null takes the highest of 8 or 16 bits.
        alpha: what becomes of transparent pixels: `drop` takes their colours as they are in the file, `white` and
            `black` put them on a ground, `error` refuses them; null drops, and says so.
        damaged: whether an unreadable or truncated file is an error, or is left out and counted.
        augment: what is done to training images at random besides (a mapping: flips, rotations, shift, zoom,
            brightness, noise); null: flips along both axes alone.
        hide: `alternate`: training and validation show of each cell red and one protein, in turn, as if each protein
            had been imaged in cells of its own; the test split shows whole cells. What a star-shaped net makes of cells
            that it never saw whole is then measured (`cells/interplay`). null hides nothing.
        validation: share of the training cells held out to choose by, where there is no `…_val` folder; by a hash of
            the file's name, so it is stable.
        split_by: what stays together where splits are made: a column of `cells.csv` beside the images, which `gantk
            crop` writes (field, plate); `folder`: their sub-folder; or a pattern of their names, plate{plate}_*; null:
            each file is on its own.
        test: share held out to report on, where there is no `…_test` folder.
        pixel_size_um: size of a pixel in micrometres, for scale bars and files; null takes what the files say.

    Raises:
        DataError: data that are missing, damaged or of another form; the message names the file and the cure.
    """

    def __init__(
        self,
        split: str,
        *,
        root: Path,
        layout: Literal["composite", "per_class"] = "composite",
        channels: Annotated[list[Channel], Len(2)] | None = None,
        channel_names: list[str] | None = None,
        channel_files: list[str] | None = None,
        sub_folders: SubFolders | None = None,
        links: Links = "refuse",
        size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None,
        fit: Fit = "scale",
        background: Level | list[Level] = 0.0,
        white: Level | list[Level] | None = None,
        alpha: Alpha | None = None,
        damaged: Literal["error", "skip"] = "error",
        augment: Augmentation | None = None,
        hide: Literal["alternate"] | None = None,
        validation: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        split_by: Annotated[str, Len(1)] | None = None,
        test: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        pixel_size_um: Annotated[float, Gt(0)] | None = None,
    ):
        picked, brought_to = tuple(channels) if channels else None, (size[0], size[1]) if size else None
        reading = Reading(picked, brought_to, fit, damaged, bool(channel_names), alpha)
        rules = Rules(links, None if channel_files is None else tuple(channel_files), sub_folders)
        tree = folders.find_stacks(root, rules)
        (cells,), levels = read_split(tree, split, reading, (validation, test), background, white, split_by)
        count = cells.images.shape[1]
        if count < 2:
            raise DataError(
                f"{folders.shown(root)}: its images have one channel; a stack has red and one or more others"
            )
        names = tuple(channel_names or cells.channels or [f"channel {each}" for each in channels or range(count)])
        if len(names) != count or len(set(names)) < count or not all(names):
            raise DataError(
                f"the channels are called {', '.join(map(repr, names))}, but {count} different names are needed: "
                f"data.channel_names=[red, {', '.join(f'protein{k}' for k in range(1, count))}]"
            )
        pairs = images_spec(
            cells.images.shape[2:],
            (names[0], "protein"),
            origin_of(tree, [cells]),
            pixel_size_um or cells.pixel_size,
            levels.pick(k for green in range(1, count) for k in (0, green)),
            names[1:],
            units=True,
        )
        self.layout = layout
        self.pairs_spec = pairs
        self.spec = pairs if layout == "per_class" else stack_spec(pairs)
        stored = levels.samples(cells.images)
        self.cells: AugmentedImages
        if hide is None or split == "test":
            self.cells = AugmentedImages(stack_spec(pairs), stored, augment=augment, flips=("y", "x"))
            return
        if layout != "per_class":
            raise DataError("data.hide=alternate shows pairs of different cells, not stacks: data.layout=per_class")
        if augment is not None:
            raise DataError("data.augment is not made for pairs of different cells: leave it out beside data.hide")
        if len(stored) < count - 1:
            raise DataError(f"data.hide=alternate: {len(stored)} cells of the {split} split for {count - 1} proteins")
        self.cells = hidden = AlternateGreens(pairs, stored, augment)
        self.units_apart = True
        self.class_counts = dict(zip(names[1:], hidden.counts.tolist(), strict=True))

    def __len__(self) -> int:
        return len(self.cells)

    def to(self, device: torch.device) -> Stacks:
        """Moves everything to `device`."""
        self.cells.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The cells of `indices`, (B,) on the CPU; with `rng`, each augmented at random as a whole.

        With `hide`, pairs of different cells."""
        found = self.cells.batch(indices, rng).samples  # (B, 1 + K, H, W); with `hide` (B, K, 2, H, W)
        return Batch(unstacked(found) if self.layout == "per_class" and found.dim() == 4 else found)

    def variants(self, samples: Tensor) -> list[Tensor]:
        """Whole cells, (N, *spec.shape), as they are and turned over in every way: all pairs of a cell together.

        With `hide`, single pairs."""
        return self.cells.variants(samples)

    @cached_property
    def judged(self) -> Stacks:
        """The data that metrics compare with: these cells as pairs, one for each protein."""
        if self.layout == "per_class":
            return self
        pairs = copy(self)  # of the same images
        pairs.layout, pairs.spec = "per_class", self.pairs_spec
        return pairs

    def as_judged(self, samples: Tensor) -> Tensor:
        """Samples in the form of `judged`: stacks (B, 1 + K, H, W) as the pairs of one cell, (B, K, 2, H, W)."""
        return unstacked(samples) if samples.dim() == 4 else samples
