"""How many samples of each class a data set has, and whether they are too few to train on or to evaluate with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantk.interfaces.optional_members import member

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
