"""One small classifier for samples of any shape, trained the same way whatever it learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from gantk.data import any_version, units_apart, variants
from gantk.interfaces import Dataset
from gantk.spec import DataSpec
from gantk_basics.optimizers import Adam

WIDTH = 32  # channels of the first layer
HIDDEN = 64  # numbers of a dense layer
KERNELS = {1: 9, 2: 3}  # positions or pixels that a convolution sees, by the number of axes
RATE = 1e-3
CHUNK = 500  # samples that are classified together

Drawn = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
"""So many samples and their labels at random."""


def small_classifier(spec: DataSpec) -> nn.Module:
    """A net from samples (B, *spec.shape) to scores of the classes (B, K); units are channels more.

    Images and sequences get two convolutions (3 x 3; 9 positions) of 32 and 64 channels with ReLU, each followed by
    max-pooling by 2 where there is room, and a dense layer; all other samples two dense layers of 64 with ReLU.

    Args:
        spec: what one sample is; it has classes.
    """
    sizes = spec.own_shape[1:]
    classes = len(spec.classes)
    if len(sizes) not in KERNELS or prod(sizes) == 1:
        count = prod(spec.shape)
        dense = [nn.Linear(count, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes)]
        return nn.Sequential(nn.Flatten(), *dense)
    convolution, pool = (nn.Conv1d, nn.MaxPool1d) if len(sizes) == 1 else (nn.Conv2d, nn.MaxPool2d)
    kernel, channels = KERNELS[len(sizes)], spec.unit_count * spec.own_shape[0]
    layers: list[nn.Module] = [nn.Flatten(1, 1 + spec.unit_axes)]
    for width in (WIDTH, 2 * WIDTH):
        layers += [convolution(channels, width, kernel, padding=kernel // 2), nn.ReLU()]
        channels = width
        if min(sizes) >= 4:
            layers.append(pool(2))
            sizes = tuple(size // 2 for size in sizes)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * prod(sizes), classes))


@dataclass(frozen=True)
class Pool:
    """Samples to learn from.

    Args:
        samples: (N, *spec.shape).
        labels: (N,).
    """

    samples: Tensor
    labels: Tensor

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """n of them at random, with replacement."""
        chosen = torch.randint(len(self.labels), (n,), generator=rng)
        return self.samples[chosen], self.labels[chosen]


@dataclass(frozen=True)
class Varied:
    """Samples to learn from in random versions: those that training shows, and, of images, shifted ones.

    Args:
        pool: the samples.
        like: the data set that says what versions there are.
    """

    pool: Pool
    like: Dataset

    @property
    def differs(self) -> bool:
        """Whether there is any other version."""
        one = self.pool.samples[:1]
        return self.shift > 0 or len(variants(self.like, one[:, 0] if units_apart(self.like) else one)) > 1

    @property
    def shift(self) -> int:
        """By how many pixels images are shifted at most: an eighth of the shorter side; 0: these are no images."""
        sizes = self.like.spec.own_shape[1:]
        return 0 if len(sizes) != 2 or self.like.spec.categorical else min(sizes) // 8

    def draw(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """n of them at random, with replacement, each in a version of its own."""
        samples, labels = self.pool.draw(n, rng)
        samples = any_version(self.like, samples, rng)
        return (shifted(samples, self.shift, rng) if self.shift else samples), labels


def shifted(samples: Tensor, most: int, rng: torch.Generator) -> Tensor:
    """Images, each moved by up to `most` pixels along y and x; the pixels at the edge are repeated.

    Args:
        samples: (B, …, H, W).
        most: pixels.
        rng: draws.
    """
    images = samples.flatten(1, -3)  # (B, C, H, W)
    height, width = images.shape[-2:]
    around = pad(images, (most,) * 4, mode="replicate")
    at = torch.randint(2 * most + 1, (2, len(images)), generator=rng)
    rows = at[0][:, None] + torch.arange(height)  # (B, H)
    columns = at[1][:, None] + torch.arange(width)
    moved = around.gather(2, rows[:, None, :, None].expand(-1, images.shape[1], -1, around.shape[-1]))
    moved = moved.gather(3, columns[:, None, None, :].expand(-1, images.shape[1], height, -1))
    return moved.reshape(samples.shape)


def train_classifier(
    net: nn.Module, sources: Sequence[Drawn], *, steps: int, batch: int, rng: torch.Generator, device: torch.device
) -> None:
    """Trains by cross-entropy with Adam(1e-3) on batches of which each source gives an equal part.

    Args:
        net: from `small_classifier`, standardised or not.
        sources: of labelled samples.
        steps: updates.
        batch: samples in an update, of all sources together.
        rng: draws the samples, on the CPU.
        device: where the net is.
    """
    optimizer = Adam(net.parameters(), lr=RATE)
    net.train()
    for _ in range(steps):
        parts = [source(max(1, batch // len(sources)), rng) for source in sources]
        samples, labels = (torch.cat(each).to(device) for each in zip(*parts, strict=True))
        optimizer.zero_grad()
        cross_entropy(net(samples), labels).backward()
        optimizer.step()
    net.eval()


def predicted(net: nn.Module, samples: Tensor, device: torch.device) -> Tensor:
    """The class with the highest score of each sample, (N,), on the CPU."""
    with torch.no_grad():
        return torch.cat([net(part.to(device)).argmax(1).cpu() for part in samples.split(CHUNK)])


class Standardised(nn.Module):
    """A net that sees samples less the mean, over the standard deviation, of the real training samples.

    Args:
        net: what they go through.
        samples: real ones, (N, …).
    """

    def __init__(self, net: nn.Module, samples: Tensor):
        super().__init__()
        self.net = net
        self.mean = samples.mean().item()
        self.scale = max(samples.std().item(), 1e-6)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *shape) to scores (B, K)."""
        return self.net((samples - self.mean) / self.scale)
