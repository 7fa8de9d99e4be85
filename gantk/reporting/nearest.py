"""Samples beside their nearest training and held-out samples: the picture that shows whether training is repeated."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from gantk import randomness
from gantk.data import first_of_each, units_apart, variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Panel, Samples, View, overrides
from gantk.neighbours import nearest_samples

SHOWN = 6  # samples of a picture, where nobody says how many
MOST_SEARCHED = 10_000  # real samples of each split that the report searches …
MOST_NUMBERS = 2**27  # … or fewer, where they are large: a second or two
FROM_CONDITIONS = "Each is made from the condition of a held-out sample, which may be the nearest for that reason."
ALIKE = 1.1  # splits of which one has no more than so many times as many are of a size
TITLE = "The nearest training and held-out samples"


def nearest_panel(
    view: View, samples: Samples, train: Dataset, held_out: Dataset, *, seed: int, whole: bool = False, note: str = ""
) -> Panel:
    """Each sample beside the nearest training and the nearest held-out sample, with distances; the caption says which.

    Where the data set turns samples over, or shows either strand, the nearest version counts and is drawn; where its
    units meet by chance, each unit is looked for on its own.

    Args:
        view: draws such samples, and may say what their distance is.
        samples: N generated ones, in the form in which the data are judged.
        train: the training split.
        held_out: the test split.
        seed: chooses which are searched, of more than are looked at.
        whole: whether all are searched, however many there are.
        note: one more sentence for the caption.

    Raises:
        DoesNotFit: the view does not draw such samples so, or no sample was held out.
    """
    if not len(held_out):
        raise DoesNotFit("no test samples were held out, so nothing tells how near a sample is that nobody saw")
    measure = view.distances if overrides(view, View.distances) else None
    known, others = (_searched(each, seed, whole) for each in (train, held_out))
    training = nearest_samples(samples, train, known, train, measure)
    unseen = nearest_samples(samples, held_out, others, train, measure)
    picture = view.beside_nearest(samples, training, unseen)
    far = []
    for kind, split, indices, found in (("training", train, known, training), ("held-out", held_out, others, unseen)):
        far.append(f"{found.distances.mean():.3g} from the nearest of {_of(len(indices), split, kind)}")
        fewer = min(len(known), len(others))
        if len(indices) > ALIKE * fewer:  # of more samples, the nearest is nearer
            even = nearest_samples(samples, split, indices[:fewer], train, measure)
            far[-1] += f" ({even.distances.mean():.3g} from that of {fewer:,} of them)"
    means = f"On average they are {' and '.join(far)}; a copy would be 0 from the training sample that it repeats."
    return Panel(TITLE, " ".join(part for part in (_how(view, train), means, note) if part), picture)


def _how(view: View, like: Dataset) -> str:
    """What is drawn, and what is compared."""
    apart, spec = units_apart(like), like.spec
    one = f"image of each {spec.axes[0]}, searched on its own," if apart else "sample"
    text = f"Generated samples, and for each the nearest training and the nearest held-out {one} by {view.distance}"
    if len(variants(like, torch.zeros(1, *(spec.own_shape if apart else spec.shape)))) > 1:
        text += "; each in the version that is nearest, of those that training shows"
    return text + "."


def _of(searched: int, dataset: Dataset, kind: str) -> str:
    """How many were searched: "1,000 training samples", or "10,000 training samples, chosen at random of 50,000"."""
    there = len(first_of_each(dataset))
    return f"{searched:,} {kind} samples" + ("" if searched == there else f", chosen at random of {there:,}")


def _searched(dataset: Dataset, seed: int, whole: bool) -> Tensor:
    """Numbers of the samples that are searched, in random order."""
    each = first_of_each(dataset)
    each = each[torch.randperm(len(each), generator=randomness.generator(seed, "nearest"))]
    return each if whole else each[: max(1, min(MOST_SEARCHED, MOST_NUMBERS // prod(dataset.spec.shape)))]
