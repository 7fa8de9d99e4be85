"""Data set `lin`: the Localization Interdependency Network (Dodgson et al. 2017), or a folder of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Len, Lt
from gantk_basics.data.image_splits import origin_of, read_split
from gantk_basics.files.images import folders
from gantk_basics.files.images.alpha import Alpha
from gantk_basics.files.images.class_folder import Links, Rules, SubFolders
from gantk_basics.files.images.class_images import ClassImages
from gantk_basics.files.images.read_file import Reading
from gantk_basics.image_augmentation import Augmentation
from gantk_basics.image_sizes import Fit
from gantk_basics.pixel_values import Level

from gantk.console import warn
from gantk.errors import DataError, MissingData
from gantk_cells.data.layouts import CellImages, Layout
from gantk_cells.stack import GROWTH_MARKER

HOW_TO_GET_LIN = """\
The LIN images (Localization Interdependency Network) are described by Dodgson et al. 2017 and were used by Osokin et
al. 2017 ("GANs for Biological Image Synthesis", ICCV). Expected is the folder that holds
    LIN_Normalized_WT_size-48-80_train/Alp14/cell100005.png …    (one folder a protein)
    LIN_Normalized_WT_size-48-80_test/Alp14/cell100001.png …
or any folder of your own with one sub-folder of PNG or TIFF images for each class: data.root=FOLDER.
Without them, run on simulated cells: data.use=cells/simulated data.layout={layout}"""

LIN_CHANNELS = (GROWTH_MARKER, "protein")
LIN_PIXEL = 0.1  # micrometres
PAIR = (0, 1)  # the channels that are read where none are chosen

Channel = Annotated[int, Ge(0)] | Annotated[str, Len(1)]


class Lin(CellImages):
    """Images in class folders: LIN's `…_train/Alp14/*.png` and `…_test/…`, or any folder of class folders.

    PNG, JPEG or TIFF (OME-TIFF with its channel names, ImageJ's, plain), one cell a file, of 8 or 16 bits or
    floating-point. Splits may be folders: `…_train`, `…_test` and `…_val`, `Train` and `Test`, trainA, trainB, testA
    and testB (classes A and B), or `train` and `test` in every class. Equal images, turned over or not, are never in
    two splits. What is passed over is told.
    LIN: fission-yeast cells, 48 × 80 pixels of 0.1 µm; red is Bgs4 (growth zones), green one of 41 polarity factors.
    Images are read once and kept in a cache (`$GANTK_CACHE`, else `~/.cache/gantk`) until their folder changes.
    In training each image is turned over at random along both axes, and changed as `augment` says.

    Args:
        split: "train", "validation" or "test".
        root: the folder above `…_train` and `…_test`, one of these, or that of one protein; or a folder of your own.
        proteins: which classes, in this order; null takes all, sorted.
        layout: `pairs`: a sample is one image, labelled with its protein; `per_class`: one image of each protein;
            `composite`: one cell as a stack of red and all greens, those it lacks from the cells with the nearest red.
        channels: which channels of the files, red first: numbers from 0, or the names that the files give; null takes
            the first two, and tells of others that are not empty. In LIN 0 is Bgs4, 1 the protein, 2 is empty.
        channel_names: a name for each channel, whatever the files call them; null takes those of the files, else
            "channel 0", …; of LIN and simulated cells "Bgs4" and "protein".
        channel_files: words in the names of files that tell channels apart, where each is a file of its own:
            [_w1DAPI, _w2GFP], or [DAPI/, GFP/] of folders; [] where every file is an image; null refuses such files.
        sub_folders: `pool` reads images in sub-folders of a class as its own, `pass_over` does not; null does where
            they are named as replicates are (rep2, plate1) or there is only one.
        links: whether links that lead out of `root` are refused, or followed (`follow`).
        size: [height, width] in pixels that images are brought to; null takes them as they are.
        fit: how: `scale` resamples; `crop` keeps the middle, `pad` puts background around, `crop_and_pad` does both;
            `cover` resamples so far that nothing lacks, then crops.
        background: the pixel value that becomes black, or a percentile of the training images ("1%"); one for all
            channels, or a list of one each.
        white: the pixel value that becomes the brightest, or a percentile ("99.99%"), linearly from the background and
            clipped above; null takes the highest of 8 or 16 bits. 4095 for a camera of 12 bits.
        alpha: what becomes of transparent pixels: `drop` takes their colours as they are in the file, `white` and
            `black` put them on a ground, `error` refuses them; null drops, and says so.
        damaged: whether an unreadable or truncated file is an error, or is left out and counted.
        augment: what is done to training images at random besides (a mapping: flips, rotations, shift, zoom,
            brightness, noise); null: flips along both axes alone.
        validation: share of the training images held out to choose by, where there is no `…_val` folder; by a hash of
            the file's name, so it is stable.
        split_by: what stays together where splits are made: a column of `cells.csv` beside the images, which `gantk
            crop` writes (field, plate); `folder`: their sub-folder; or a pattern of their names, plate{plate}_*; null:
            each file is on its own.
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
        channels: Annotated[list[Channel], Len(1)] | None = None,
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
        validation: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        split_by: Annotated[str, Len(1)] | None = None,
        test: Annotated[float, Gt(0), Lt(0.5)] = 0.1,
        pixel_size_um: Annotated[float, Gt(0)] | None = None,
    ):
        picked: list[Channel] = list(PAIR) if channels is None else channels
        if channel_names and len(channel_names) != len(picked):
            raise DataError(f"data.channel_names has {len(channel_names)} names for {len(picked)} channels")
        reading = Reading(tuple(picked), (size[0], size[1]) if size else None, fit, damaged, bool(channel_names), alpha)
        rules = Rules(links, None if channel_files is None else tuple(channel_files), sub_folders)
        try:
            tree = folders.find(root, proteins, rules)
        except MissingData as error:
            raise MissingData(f"{error}\n{HOW_TO_GET_LIN.format(layout=layout)}") from error
        classes, levels = read_split(tree, split, reading, (validation, test), background, white, split_by)
        if channels is None and (others := sorted({k for one in classes for k in one.left_out})):
            warn(
                f"the files have more channels that are not empty ({', '.join(map(str, others))}); the first two are "
                f"read; to read all: data.channels={[*PAIR, *others]}, to read two: data.channels=[0, 1]"
            )
        names = channel_names or _names(classes, picked, tree.is_lin)
        if pixel_size_um is None and tree.is_lin and not (size and fit == "scale"):
            pixel_size_um = LIN_PIXEL
        super().__init__(
            classes, layout, names, origin_of(tree, classes), pixel_size_um or classes[0].pixel_size, levels, augment
        )


def _names(classes: list[ClassImages], channels: list[Any], is_lin: bool) -> list[str]:
    given = {one.channels for one in classes}
    common = given.pop() if len(given) == 1 else ()
    if common and all(common) and len(set(common)) == len(common):
        return list(common)
    if is_lin and len(channels) == 2:
        return list(LIN_CHANNELS)
    return [each if isinstance(each, str) else f"channel {each}" for each in channels]
