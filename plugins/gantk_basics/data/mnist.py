"""MNIST and what comes in its form: images and labels in IDX files (LeCun et al. 1998)."""

import logging
import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gantk.data import Resident
from gantk.errors import DataError, MissingData
from gantk.files import content_of
from gantk_basics.data.class_shares import ShareOf, of_classes, told, with_shares, without_classes
from gantk_basics.data.digits import DIGITS, digit_spec, stratified

log = logging.getLogger(__name__)
CURE = "download it again (the four files of MNIST have 1.6 to 9.9 MB together with their .gz)"


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file, compressed or not.

    Args:
        path: the file; gzip is recognised by its first bytes.
        axes: how many axes the array must have.

    Raises:
        DataError: the file cannot be read, is no such IDX file, or is damaged or cut short.
    """
    try:
        content = content_of(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}); the file is damaged or cut short: {CURE}") from error
    if len(content) < 4 or content[:3] != b"\0\0\x08" or content[3] != axes:
        kind = "images" if axes == 3 else "labels"
        raise DataError(
            f"{path}: is not an IDX file of {kind}: it starts with {content[:4].hex(' ') or 'nothing'}, "
            f"not with 00 00 08 {axes:02x}: {CURE}"
        )
    head = 4 + 4 * axes
    shape = struct.unpack(f">{axes}I", content[4:head].ljust(4 * axes, b"\0"))
    if len(content) != head + prod(shape):
        raise DataError(
            f"{path}: has {len(content)} bytes, but its head announces {' x '.join(map(str, shape))} values, which "
            f"makes {head + prod(shape)}; the file is damaged or cut short: {CURE}"
        )
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def find_idx(root: Path, prefix: str, kind: str) -> Path | None:
    """The file of this kind in a folder, under any of its usual names, or None.

    Args:
        root: the folder.
        prefix: "train" or "t10k".
        kind: "images-idx3" or "labels-idx1".
    """
    for name in (f"{prefix}-{kind}-ubyte", f"{prefix}-{kind.replace('-', '.')}-ubyte"):
        for ending in ("", ".gz"):
            if (root / (name + ending)).is_file():
                return root / (name + ending)
    return None


def load(root: Path, prefix: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
    """Images (N, H, W) and labels (N,) of one half of MNIST, or None where its images are not there.

    Args:
        root: the folder.
        prefix: "train" or "t10k".

    Raises:
        DataError: a file is missing or damaged, or there are more images than labels or the reverse.
    """
    images_file, labels_file = find_idx(root, prefix, "images-idx3"), find_idx(root, prefix, "labels-idx1")
    if images_file is None:
        return None
    if labels_file is None:
        raise DataError(f"{root}: has {images_file.name}, but not {prefix}-labels-idx1-ubyte(.gz); put it beside it")
    images, labels = read_idx(images_file, 3), read_idx(labels_file, 1).astype(np.int64)
    if len(images) != len(labels):
        raise DataError(
            f"{images_file} has {len(images)} images, but {labels_file.name} has {len(labels)} labels; "
            "the two files do not belong together"
        )
    if len(labels) and labels.max() > 9:
        raise DataError(f"{labels_file}: has the label {labels.max()}, but digits are 0 to 9; is it the right file?")
    return images, labels


class Mnist(Resident):
    """Handwritten digits of 28 x 28 pixels from a folder of IDX files, compressed or not. Label: the digit.

    Where the folder has `train-…` and `t10k-…`, the second is the test split and the validation split is taken out of
    the first (10,000 of 60,000, the same share of each digit). Where it has only `t10k-…`, that is cut into 70 % train
    and 15 % each of validation and test, which a warning says and `spec.attributes["note"]` keeps.

    LeCun et al. 1998.

    Args:
        split: "train", "validation" or "test".
        root: the folder.
        only: the digits that are taken, ["0", "1"]; null: all ten.
        share_of: digit to its share of the training split, {"1": 0.05}, for data with a rare class: samples of it are
            left out by `seed`, the other digits keep theirs. The other splits stay as they are.
        seed: of the splits.
        leave_out: digits that stand in the test split alone, for `zoo/anomaly`: ["3"].
        labelled: how many training digits `zoo/semi_supervised` is told the label of, as many of each; null: of all.

    Raises:
        DataError: no such folder, no such files, damaged ones, no such digit, or shares that cannot be had.
    """

    def __init__(
        self,
        split: str,
        *,
        root: Path,
        only: list[str] | None = None,
        share_of: ShareOf | None = None,
        seed: int = 0,
        leave_out: Sequence[str] = (),
        labelled: int | None = None,
    ):
        root = Path(root)
        if not root.is_dir():
            raise MissingData(
                f"{root}: no such folder; `root` must be the folder that holds train-images-idx3-ubyte.gz …"
            )
        train, test = load(root, "train"), load(root, "t10k")
        if train is None and test is None:
            raise DataError(
                f"{root}: holds no IDX files; expected train-images-idx3-ubyte, train-labels-idx1-ubyte and the same "
                "with t10k in place of train, each with or without .gz"
            )
        note = {}
        if train is None or test is None:
            prefix, half = ("t10k", test) if train is None else ("train", train)
            assert half is not None
            note["note"] = (
                f"only the {prefix} files of MNIST were there; they were split 70/15/15 into train, validation and test"
            )
            if split == "train":
                log.warning("%s: %s", root, note["note"])
            images, labels = half
            chosen = stratified(labels, split, seed)
        else:
            images, labels = test if split == "test" else train
            chosen = np.arange(len(labels))
            if split != "test":
                held_out = np.random.default_rng(seed).permutation(len(labels))[: len(labels) // 6]
                chosen = np.sort(held_out) if split == "validation" else np.setdiff1d(chosen, held_out)
        chosen = without_classes(chosen, labels, split, leave_out, DIGITS)
        chosen, classes, labels = of_classes(labels, chosen, DIGITS, only)
        if split == "train":
            chosen = chosen[with_shares(labels[chosen], classes, share_of, seed)]
        truth = told(labels[chosen], classes, labelled, seed) if split == "train" else {}
        stored = torch.from_numpy(images[chosen]).unsqueeze(1)  # (N, 1, 28, 28)
        spec = digit_spec(images.shape[1], images.shape[2], classes, **note)
        super().__init__(spec, stored, labels=torch.from_numpy(labels[chosen]), truth=truth)
