"""The digits that come with scikit-learn: 1,797 real ones of 8 x 8 pixels, embedded."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from gantk.data import Resident
from gantk.errors import DataError
from gantk.messages import printable
from gantk.spec import DataSpec

SHARES = {"train": 0.70, "validation": 0.15, "test": 0.15}


def digit_spec(height: int, width: int, **attributes: str) -> DataSpec:
    """What one grey image of a digit is.

    Args:
        height: pixels.
        width: pixels.
        attributes: facts about the data, for pictures and files.
    """
    return DataSpec(
        shape=(1, height, width),
        axes=("channel", "y", "x"),
        range=(-1.0, 1.0),
        classes=tuple("0123456789"),
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


def without_classes(
    chosen: NDArray[np.int64], labels: NDArray[np.int64], split: str, leave_out: Sequence[str], names: Sequence[str]
) -> NDArray[np.int64]:
    """Numbers of the samples that are left in a split; classes that are left out stay in the test split.

    Args:
        chosen: numbers of the samples of the split.
        labels: of all samples, (N,).
        split: "train", "validation" or "test".
        leave_out: names of classes that are not trained on.
        names: of all classes.

    Raises:
        DataError: there is no such class, or none would be left.
    """
    for name in leave_out:
        if name not in names:
            raise DataError(f"data.leave_out: there is no class '{printable(name)}'; there are {', '.join(names)}")
    if set(leave_out) >= set(names):
        raise DataError("data.leave_out: with all classes left out, nothing is left to train on")
    if split == "test":
        return chosen
    return chosen[~np.isin(labels[chosen], [names.index(name) for name in leave_out])]


class Digits(Resident):
    """1,797 handwritten digits of 8 x 8 pixels and 17 grey values (Alpaydin & Kaynak 1998), real. Label: the digit.

    Args:
        split: "train" (70 % of each digit), "validation" or "test" (15 % each).
        seed: of the split.
        leave_out: digits that stand in the test split alone, for `zoo/anomaly`: ["3"].

    Raises:
        DataError: there is no such digit, or none would be left.
    """

    def __init__(self, split: str, *, seed: int = 0, leave_out: Sequence[str] = ()):
        from sklearn.datasets import load_digits

        found = load_digits()
        labels = found.target.astype(np.int64)
        spec = digit_spec(8, 8)
        chosen = without_classes(stratified(labels, split, seed), labels, split, leave_out, spec.classes)
        images = torch.from_numpy(found.images[chosen].astype(np.uint8)).unsqueeze(1)  # (N, 1, 8, 8), 0 … 16
        super().__init__(spec, images, labels=torch.from_numpy(labels[chosen]), top=16)
