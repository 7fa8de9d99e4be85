"""Which classes of a labelled data set are taken, and in what shares: rare classes are made by leaving samples out."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Gt, Lt
from numpy.typing import NDArray
from torch import Tensor

from gantk.errors import DataError
from gantk.messages import did_you_mean, printable

ShareOf = dict[str, Annotated[float, Gt(0), Lt(1)]]


def refuse_unknown(names: Sequence[str], classes: Sequence[str], key: str) -> None:
    """Raises DataError where one of the names is no class.

    Args:
        names: of classes, as a recipe gives them.
        classes: those that there are.
        key: of the recipe that names them.
    """
    for name in names:
        if name not in classes:
            hint = did_you_mean(name, classes, f"there are {', '.join(classes)}")
            raise DataError(f"data.{key} names a class '{printable(name)}' that these data do not have: {hint}")


def of_classes(
    labels: NDArray[np.int64], chosen: NDArray[np.int64], classes: Sequence[str], only: Sequence[str] | None
) -> tuple[NDArray[np.int64], tuple[str, ...], NDArray[np.int64]]:
    """The samples of some classes alone.

    Args:
        labels: of all samples, (N,).
        chosen: numbers of samples, (n,).
        classes: names of the labels.
        only: names of the classes to take; None: all.

    Returns:
        those of `chosen` that are of these classes, (m,), the names in the order of the data, and the labels of all
        samples anew, (N,), -1 where a class is left out.

    Raises:
        DataError: there is no such class.
    """
    if only is None:
        return chosen, tuple(classes), labels
    refuse_unknown(only, classes, "only")
    kept = [number for number, name in enumerate(classes) if name in only]
    anew = np.full(len(classes), -1)
    anew[kept] = np.arange(len(kept))
    labels = anew[labels]
    return chosen[labels[chosen] >= 0], tuple(classes[number] for number in kept), labels


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
    refuse_unknown(leave_out, names, "leave_out")
    if set(leave_out) >= set(names):
        raise DataError("data.leave_out: with all classes left out, nothing is left to train on")
    if split == "test":
        return chosen
    return chosen[~np.isin(labels[chosen], [names.index(name) for name in leave_out])]


def with_shares(labels: NDArray[np.int64], classes: Sequence[str], shares: ShareOf | None, seed: int) -> NDArray:
    """Numbers of samples among which some classes have the shares that are asked for; no class loses more than needed.

    Where some classes are not named, these keep all their samples. Where all are, the one that is scarcest for its
    share does.

    Args:
        labels: (N,).
        classes: names of the labels.
        shares: class to its share of what is left; None: all samples stay.
        seed: chooses who stays.

    Returns:
        (n,), rising.

    Raises:
        DataError: an unknown class, shares that leave nothing for the others, or that need more samples than there are.
    """
    if not shares:
        return np.arange(len(labels))
    refuse_unknown(list(shares), classes, "share_of")
    counts = {name: int((labels == number).sum()) for number, name in enumerate(classes)}
    total = _total(counts, shares)
    rng = np.random.default_rng(seed)
    chosen = []
    for number, name in enumerate(classes):
        members = rng.permutation(np.flatnonzero(labels == number))
        wanted = max(1, round(shares[name] * total)) if name in shares else counts[name]
        if wanted > counts[name]:
            raise DataError(
                f"data.share_of asks for {shares[name]:g} of class '{name}', which is {wanted} of {round(total)} "
                f"training samples, and there are {counts[name]}: ask for less, or name the other classes, too"
            )
        chosen.append(members[:wanted])
    return np.sort(np.concatenate(chosen))


def _total(counts: Mapping[str, int], shares: ShareOf) -> float:
    """How many samples are left in all."""
    asked = sum(shares.values())
    others = sum(count for name, count in counts.items() if name not in shares)
    if others and asked < 1:
        return others / (1 - asked)
    if others or abs(asked - 1) > 1e-6:
        what = "which leaves nothing for the others" if others else "and every class is named: they must add up to 1"
        raise DataError(f"data.share_of: the shares add up to {asked:g}, {what}")
    return min(counts[name] / share for name, share in shares.items())


def told(labels: NDArray[np.int64], classes: Sequence[str], count: int | None, seed: int) -> dict[str, Tensor]:
    """The fact `labelled` of each sample: whether its label may be used, as many of each class as can be.

    Args:
        labels: of the training split, (N,).
        classes: names of the labels.
        count: how many may be; None: all, and there is no such fact.
        seed: chooses them.

    Returns:
        {"labelled": (N,) of truths}, or nothing.

    Raises:
        DataError: fewer than one of each class, or more than there are.
    """
    if count is None:
        return {}
    if not len(classes) <= count <= len(labels):
        raise DataError(
            f"data.labelled is {count}, but there are {len(classes)} classes and {len(labels)} training samples: "
            f"give a number from {len(classes)} to {len(labels)}, or leave it out"
        )
    order = np.random.default_rng(seed).permutation(len(labels))
    turns = np.empty(len(labels), dtype=np.int64)  # how many of its class come before a sample
    for each in range(len(classes)):
        members = order[labels[order] == each]
        turns[members] = np.arange(len(members))
    chosen = order[np.argsort(turns[order], kind="stable")][:count]
    return {"labelled": torch.from_numpy(np.isin(np.arange(len(labels)), chosen))}
