"""What an encoder is worth as the start of a classifier: the same net, from its weights and from new ones."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from gantk_basics.optimizers import Adam
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gantk.errors import DoesNotFit

BATCH, RATE = 32, 1e-3
"""Samples of an update, and the rate of Adam."""

Features = Callable[[Any, Tensor], Tensor]
"""What a net makes of samples: (net, (B, *spec.shape)) to (B, F)."""


def with_new_weights(net: nn.Module) -> nn.Module:
    """A copy, its weights drawn anew as PyTorch does by default, from torch's own stream.

    Raises:
        DoesNotFit: weights that no layer can draw anew.
    """
    made = deepcopy(net)
    for name, layer in made.named_modules():
        draw = getattr(layer, "reset_parameters", None)
        if draw is not None:
            draw()
        elif any(each.requires_grad for each in layer.parameters(recurse=False)):
            raise DoesNotFit(
                f"zoo/features starts a classifier from new weights, too, and {name or 'this net'} "
                f"({type(layer).__name__}) cannot draw its own anew: write fine_tuning: 0"
            )
    return made


def accuracy(
    net: nn.Module,
    features: Features,
    known: tuple[Tensor, Tensor],
    asked: tuple[Tensor, Tensor],
    *,
    classes: int,
    updates: int,
    new: bool,
    seed: int,
) -> float:
    """Share of `asked` that a classifier gets right: the net and a linear layer on its features, all of it trained.

    The layer starts from 0, so that nothing is said of a class before there is something to say.

    Args:
        net: has the features; a copy is trained.
        features: what it makes of samples.
        known: labelled samples to train on, and their labels.
        asked: samples to be named, and their labels.
        classes: how many there are.
        updates: of Adam, on batches drawn with replacement.
        new: whether the net starts from new weights in place of its own.
        seed: of new weights and batches.
    """
    at = next(net.parameters()).device
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        rng = torch.Generator().manual_seed(seed)
        body: Any = (with_new_weights(net) if new else deepcopy(net)).train().requires_grad_(True)
        samples, answers = (each.to(at) for each in known)
        width = features(body, samples[:2]).flatten(1).shape[1]
        head = nn.Linear(width, classes).to(at)
        for each in head.parameters():
            nn.init.zeros_(each)
        optimizer = Adam([*body.parameters(), *head.parameters()], lr=RATE)
        for _ in range(updates):
            chosen = torch.randint(len(samples), (BATCH,), generator=rng).to(at)
            loss = cross_entropy(head(features(body, samples[chosen]).flatten(1)), answers[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    body.eval()
    with torch.no_grad():
        named = [head(features(body, part.to(at)).flatten(1)).argmax(1).cpu() for part in asked[0].split(256)]
    return float((torch.cat(named) == asked[1]).double().mean())


def pairs(
    net: nn.Module,
    features: Features,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    chosen: list[NDArray[np.int64]],
    *,
    classes: int,
    updates: int,
    seed: int,
) -> NDArray[np.float64]:
    """Accuracies of classifiers that start from the net's own and from new weights: (draws, 2), draw by draw.

    Args:
        net: as of `accuracy`.
        features: as of `accuracy`.
        train: all samples that may be labelled, and their labels.
        test: samples to be named, and their labels.
        chosen: indices of the labelled ones, for each draw.
        classes: how many there are.
        updates: as of `accuracy`.
        seed: of the first draw.
    """
    found = []
    for number, indices in enumerate(chosen):
        known = (train[0][indices], train[1][indices])
        both = [
            accuracy(net, features, known, test, classes=classes, updates=updates, new=new, seed=seed + number)
            for new in (False, True)
        ]
        found.append(both)
    return np.array(found)
