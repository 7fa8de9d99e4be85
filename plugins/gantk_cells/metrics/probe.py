"""Metric `probe`: does a classifier, trained on real pairs, see the right protein in generated ones?"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal
from weakref import WeakKeyDictionary

import torch
from annotated_types import Ge
from gantk_basics import optimizers
from gantk_basics.metrics.intervals import wilson
from gantk_basics.optimizers import Adam
from torch import Tensor, nn
from torch.nn import functional as F

from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_cells.metrics.pairs import Pairs, pairs_in, pairs_of
from gantk_cells.metrics.remembered import fingerprint, remembered

_trained: WeakKeyDictionary[Dataset, dict[tuple[int, ...], Classifier]] = WeakKeyDictionary()
"""Probes by the data set and the parameters they were trained with, so that a run trains each once."""


class Probe(Metric):
    """A small classifier tells the protein of a pair: its accuracy on generated pairs, beside that on real test pairs.

    Samples with one unit a protein are judged unit by unit, labelled pairs by their label. Of pairs without labels only
    the share that looks like each protein is told. The probe does not depend on the run's seed, so that runs on the
    same data are judged by the same probe; it is trained once, and kept in the cache for the runs that follow.

    Args:
        samples: how many generated samples are judged.
        images: how many real images it is trained on, at most.
        steps: of training, 128 images each.
        width: channels of its first layer.
        confusion: whether to list which proteins are taken for which.
    """

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(1)] = 1000,
        images: Annotated[int, Ge(1)] = 9000,
        steps: Annotated[int, Ge(1)] = 240,
        width: Annotated[int, Ge(1)] = 12,
        confusion: bool = False,
    ):
        self.samples = samples
        self.images = images
        self.steps = steps
        self.width = width
        self.confusion = confusion

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`accuracy` first, then that of each protein; `share_difference` and each `share_…` where there are no labels.

        Raises:
            DoesNotFit: the real data have no labels to learn.
        """
        probe = self._probe(inputs.train)
        if inputs.test not in probe.real:
            probe.real[inputs.test] = probe.judge_real(
                pairs_in(inputs.test, self.images, torch.Generator().manual_seed(0))
            )
        real = probe.real[inputs.test]
        made = probe.judge(pairs_of(inputs.generated))
        note = f"{inputs.test.spec.origin}, held out"
        everything = len(made.seen), len(real.seen)
        if made.labels is None:
            shares = {
                f"share_{name}": _value(made.share(k), "near", real.share(k), note, everything)
                for k, name in enumerate(probe.names)
            }
            moved = sum(abs(value.value - (value.reference or 0)) for value in shares.values()) / 2
            return {
                "share_difference": Value(moved, "lower", 0.0, "half the sum of differences", *everything),
                **shares,
            }
        values = {"accuracy": _value(made.accuracy(), "higher", real.accuracy(), note, everything)}
        for k, name in enumerate(probe.names):
            n = made.count(k), real.count(k)
            values[f"accuracy_{name}"] = _value(made.hit(k, k), "higher", real.hit(k, k), note, n)
        if self.confusion:
            for k, name in enumerate(probe.names):
                for j, other in enumerate(probe.names):
                    if j != k:
                        n = made.count(k), real.count(k)
                        values[f"{name}_taken_for_{other}"] = _value(made.hit(k, j), "near", real.hit(k, j), note, n)
        return values

    def _probe(self, train: Dataset) -> Classifier:
        key = (self.images, self.steps, self.width)
        known = _trained.setdefault(train, {})
        if key not in known:
            rng = torch.Generator().manual_seed(0)
            pairs = pairs_in(train, self.images, rng)
            if pairs.labels is None:
                raise DoesNotFit("the probe learns to tell proteins apart, but these data have no labels or units")
            known[key] = Classifier(pairs.images.shape[1], pairs.names, self.width, rng)
            known[key].learn(pairs, self.steps, rng)
        return known[key]


def _value(share: float, better: Literal["higher", "near"], usual: float, note: str, n: tuple[int, int]) -> Value:
    interval = wilson(share, n[0]) if n[0] else (None, None)
    return Value(share, better, usual, note, *n, *interval)


class Judged:
    """What the probe saw: `seen` (N,), and what it was: `labels` (N,) or None."""

    def __init__(self, seen: Tensor, labels: Tensor | None):
        self.seen = seen
        self.labels = labels

    def accuracy(self) -> float:
        """Share of all images seen as what they are."""
        assert self.labels is not None
        return (self.seen == self.labels).float().mean().item()

    def share(self, protein: int) -> float:
        """Share of all images that look like this protein."""
        return (self.seen == protein).float().mean().item()

    def count(self, protein: int) -> int:
        """How many images there are of this protein."""
        assert self.labels is not None
        return int((self.labels == protein).sum())

    def hit(self, protein: int, other: int) -> float:
        """Share of the images of `protein` that look like `other`."""
        return (self.seen[self.labels == protein] == other).float().mean().item()


class Classifier(nn.Module):
    """Four convolutions of stride 2, then the mean and the maximum over what is left of the frame.

    Args:
        channels: of an image.
        names: of the proteins.
        width: channels of the first layer; the others have 2, 4 and 4 times as many.
        rng: draws the first weights.
    """

    def __init__(self, channels: int, names: tuple[str, ...], width: int, rng: torch.Generator):
        super().__init__()
        self.names = names
        self.real: WeakKeyDictionary[Dataset, Judged] = WeakKeyDictionary()
        sizes = (channels, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(2 * sizes[-1], len(names))
        with torch.no_grad():
            for weight in (self.head.weight, *(m.weight for m in self.layers if isinstance(m, nn.Conv2d))):
                spread = math.sqrt(2 / weight[0].numel())
                weight.copy_(torch.randn(weight.shape, generator=rng) * spread)
            self.head.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, proteins)."""
        last = self.layers(images).flatten(2)  # (B, F, pixels)
        return self.head(torch.cat([last.mean(2), last.amax(2)], 1))

    def learn(self, pairs: Pairs, steps: int, rng: torch.Generator, batch: int = 128) -> None:
        """Trains on labelled pairs, turned over at random along both axes; takes the weights of the cache if it can."""
        given = {"images": pairs.images, "labels": pairs.labels, "rng": rng.get_state(), **self.state_dict()}

        def train() -> dict[str, Tensor]:
            self._train(pairs, steps, rng, batch)
            return self.state_dict()

        self.load_state_dict(remembered("probe", [fingerprint(given), steps, batch], SOURCES, train))
        self.eval()

    def _train(self, pairs: Pairs, steps: int, rng: torch.Generator, batch: int) -> None:
        labels = pairs.labels
        assert labels is not None
        optimizer = Adam(self.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1, pct_start=0.2)
        passes = math.ceil(steps * batch / len(labels))
        order = torch.cat([torch.randperm(len(labels), generator=rng) for _ in range(passes)])
        self.train()
        with torch.enable_grad():
            for step in range(steps):
                chosen = order[step * batch : (step + 1) * batch]
                turned = turn_over(pairs.images[chosen], rng)
                optimizer.zero_grad()
                F.cross_entropy(self(turned), labels[chosen], label_smoothing=0.05).backward()
                optimizer.step()
                schedule.step()

    def judge_real(self, pairs: Pairs) -> Judged:
        """As `judge`, of pairs that other runs on the same data judge, too."""
        given = fingerprint({"images": pairs.images, **self.state_dict()})
        found = remembered("seen by a probe", [given], SOURCES, lambda: {"seen": self.judge(pairs).seen})
        return Judged(found["seen"], pairs.labels)

    def judge(self, pairs: Pairs) -> Judged:
        """The protein that each pair looks like, on the mean over all four ways to turn it over."""
        ways: tuple[list[int], ...] = ([], [2], [3], [2, 3])
        seen = []
        with torch.no_grad():
            for part in pairs.images.cpu().float().split(512):
                every = torch.stack([self(part.flip(axes)).log_softmax(1) for axes in ways])  # (4, B, proteins)
                seen.append(every.mean(0).argmax(1))
        return Judged(torch.cat(seen), None if pairs.labels is None else pairs.labels.cpu())


SOURCES = [__file__, optimizers.__file__]
"""Modules on which the weights of a trained probe depend."""


def turn_over(images: Tensor, rng: torch.Generator) -> Tensor:
    """Each image (B, C, H, W) turned over, or not, along y and along x."""
    for axis in (2, 3):
        turned = torch.rand((len(images), 1, 1, 1), generator=rng) < 0.5
        images = torch.where(turned, images.flip(axis), images)
    return images
