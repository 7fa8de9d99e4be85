"""How many samples of each class a data set has, and whether they are too few; the label of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gantk.errors import DoesNotFit
from gantk.interfaces.optional_members import member

if TYPE_CHECKING:
    from torch import Tensor

FEW_TRAINING = 100
"""Training samples of a class below which nets are likely to learn them by heart."""

FEW_HELD_OUT = 50
"""Held-out samples of a class below which metrics say little."""

NAMED = 5  # classes that are named one by one


def class_counts(dataset: Any) -> dict[str, int]:
    """Class name to how many samples there are of it; "" to all where they are not counted by class.

    A data set whose classes are trained on side by side says so by an attribute `class_counts`: its length is then
    no count of what there is.
    """
    inner = getattr(dataset, "dataset", dataset)  # of a wrapped one
    own: Any = member(inner, "class_counts")
    return {"": len(dataset)} if own is None else dict(own)


def in_words(counts: Mapping[str, int]) -> str:
    """The number of samples, and of each class where there are several: "1,266 (Arp3 655, Tea1 611)"."""
    total = f"{sum(counts.values()):,}"
    if len(counts) < 2:
        return total
    named = [f"{name} {count:,}" for name, count in counts.items()]
    return f"{total} ({', '.join(named[:NAMED])}{', …' if len(named) > NAMED else ''})"


def too_few(train: Mapping[str, int], held_out: Mapping[str, int]) -> list[str]:
    """What to say where there are too few samples of some class; nothing where there are enough.

    Args:
        train: class name to how many training samples there are.
        held_out: the same of the test split.
    """
    found = []
    for counts, least, kind, why in (
        (train, FEW_TRAINING, "training", "nets may learn them by heart, and basics/memorisation then says little"),
        (held_out, FEW_HELD_OUT, "held-out", "the numbers of the metrics are rough, and some say nothing at all"),
    ):
        few = {name: count for name, count in counts.items() if count < least}
        if few:
            listed = ", ".join(
                f"{count}" + (f" of {name}" if name else "") for name, count in list(few.items())[:NAMED]
            )
            listed += ", …" if len(few) > NAMED else ""
            found.append(f"too few {kind} samples ({listed}; {least} or more are needed): {why}")
    return found


READ = 1000  # samples that are read together for their labels


def all_labels(dataset: Any) -> Tensor:
    """The label of each sample of a data set, (N,) int64 on the CPU.

    A data set that knows them without reading samples has `labels`.

    Raises:
        DoesNotFit: its samples have no labels.
    """
    import torch

    known = member(getattr(dataset, "dataset", dataset), "labels")
    if isinstance(known, torch.Tensor) and known.shape == (len(dataset),):
        return known.cpu().long()
    parts = [
        dataset.batch(torch.arange(start, min(start + READ, len(dataset))), None).labels
        for start in range(0, len(dataset), READ)
    ]
    if any(part is None for part in parts):
        raise DoesNotFit("these data name classes, but their samples have no labels")
    return torch.cat(parts).cpu().long()


def repeats_in_a_batch(values: Mapping[str, Any], dataset: Any) -> str:
    """What to say where a batch holds samples more than once, as it is larger than the training split; else "".

    Args:
        values: the resolved recipe.
        dataset: the training split.
    """
    batch, size = values["train"]["batch"], len(dataset)
    if batch > size:
        return f"train.batch is {batch}, but there are {size} training samples: each batch holds some more than once"
    if values["train"]["balance"] == "none":
        return ""
    counts = all_labels(dataset).bincount(minlength=len(dataset.spec.classes)).tolist()
    own = -(-batch // sum(count > 0 for count in counts))
    few = [f"{count} of {name}" for name, count in zip(dataset.spec.classes, counts, strict=True) if 0 < count < own]
    if not few:
        return ""
    listed = ", ".join(few[:NAMED]) + (", …" if len(few) > NAMED else "")
    return (
        f"a batch holds up to {own} samples of each class, and there are fewer ({listed}): it holds some more than once"
    )
