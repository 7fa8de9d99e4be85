"""The digits that come with scikit-learn: 1,797 real ones of 8 x 8 pixels, embedded."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from gantk.data import Resident
from gantk.spec import DataSpec
from gantk_basics.data.class_shares import ShareOf, of_classes, told, with_shares, without_classes

DIGITS = tuple("0123456789")
SHARES = {"train": 0.70, "validation": 0.15, "test": 0.15}


def digit_spec(height: int, width: int, classes: tuple[str, ...] = DIGITS, **attributes: str) -> DataSpec:
    """What one grey image of a digit is.

    Args:
        height: pixels.
        width: pixels.
        classes: which digits there are.
        attributes: facts about the data, for pictures and files.
    """
    return DataSpec(
        shape=(1, height, width),
        axes=("channel", "y", "x"),
        range=(-1.0, 1.0),
        classes=classes,
        view="basics/images",
        formats=("basics/hdf5",),
        attributes=attributes,
    )


def stratified(labels: NDArray[np.int64], split: str, seed: int) -> NDArray[np.int64]:
    """Indices of one split, in which each class has its share: 70 % train, 15 % validation, 15 % test.

    Args:
        labels: of all samples, (N,).
        split: which split.
        seed: shuffles each class before it is cut.
    """
    rng = np.random.default_rng(seed)
    first = sum(share for name, share in SHARES.items() if list(SHARES).index(name) < list(SHARES).index(split))
    chosen = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        chosen.append(members[round(first * len(members)) : round((first + SHARES[split]) * len(members))])
    return np.sort(np.concatenate(chosen))


class Digits(Resident):
    """1,797 handwritten digits of 8 x 8 pixels and 17 grey values (Alpaydin & Kaynak 1998), real. Label: the digit.

    Args:
        split: "train" (70 % of each digit), "validation" or "test" (15 % each).
        only: the digits that are taken, ["0", "1"]; null: all ten.
        share_of: digit to its share of the training split, {"1": 0.05}, for data with a rare class: samples of it are
            left out by `seed`, the other digits keep theirs. The other splits stay as they are.
        seed: of the split.
        leave_out: digits that stand in the test split alone, for `zoo/anomaly`: ["3"].
        labelled: how many training digits `zoo/semi_supervised` is told the label of, as many of each; null: of all.

    Raises:
        DataError: no such digit, none is left, or shares that cannot be had.
    """

    def __init__(
        self,
        split: str,
        *,
        only: list[str] | None = None,
        share_of: ShareOf | None = None,
        seed: int = 0,
        leave_out: Sequence[str] = (),
        labelled: int | None = None,
    ):
        from sklearn.datasets import load_digits

        found = load_digits()
        labels = found.target.astype(np.int64)
        chosen = without_classes(stratified(labels, split, seed), labels, split, leave_out, DIGITS)
        chosen, classes, labels = of_classes(labels, chosen, DIGITS, only)
        if split == "train":
            chosen = chosen[with_shares(labels[chosen], classes, share_of, seed)]
        truth = told(labels[chosen], classes, labelled, seed) if split == "train" else {}
        images = torch.from_numpy(found.images[chosen].astype(np.uint8)).unsqueeze(1)  # (N, 1, 8, 8), 0 … 16
        super().__init__(
            digit_spec(8, 8, classes), images, labels=torch.from_numpy(labels[chosen]), truth=truth, top=16
        )
