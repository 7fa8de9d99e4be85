"""Data sets made of another one: pairs for pix2pix, and two unpaired domains for CycleGAN."""

from dataclasses import replace

import torch
from torch import Tensor

from gantk.data import as_dataset
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Dataset
from gantk.spec import DataSpec


class ChannelPairs:
    """Images of which one channel is given, as condition, and another is to be made.

    Args:
        split: which part of `of`.
        of: images (channel, y, x) with two channels or more.
        given: name of the channel that is given; by default the first.
        wanted: name of the channel that is to be made; by default the second.
    """

    def __init__(self, split: str, *, of: Dataset, given: str | None = None, wanted: str | None = None):
        self.of = as_dataset(of)
        spec = self.of.spec
        if spec.unit_axes or len(spec.shape) != 3 or spec.shape[0] < 2:
            raise DoesNotFit(f"examples/channel_pairs needs images of two channels or more, not {spec.shape}")
        names = spec.names.get(spec.axes[0], tuple(str(number) for number in range(spec.shape[0])))
        for name in (given, wanted):
            if name is not None and name not in names:
                raise DoesNotFit(f"no channel is called '{name}'; there are {', '.join(names)}")
        self.given = 0 if given is None else names.index(given)
        self.wanted = 1 if wanted is None else names.index(wanted)
        one = (1, *spec.shape[1:])
        self.spec: DataSpec = replace(
            spec,
            shape=one,
            names={spec.axes[0]: (names[self.wanted],)},
            condition_shape=one,
            view="examples/translations",
            formats=("basics/hdf5",),
            attributes={**spec.attributes, "given": names[self.given]},
        )

    def __len__(self) -> int:
        return len(self.of)

    def to(self, device: torch.device) -> "ChannelPairs":
        """Moves the images to `device`."""
        self.of = self.of.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """Both channels of the same images, turned over together."""
        both = self.of.batch(indices, rng)
        return Batch(
            both.samples[:, [self.wanted]].contiguous(),
            both.labels,
            both.samples[:, [self.given]].contiguous(),
            both.truth,
        )


class Negatives:
    """Two domains without pairs, made of one data set: its even images as they are, its odd ones as negatives.

    A sample is one of each, which have nothing to do with each other; during training chance brings them together.
    `truth` holds what the right translations are: no net sees it.

    Args:
        split: which part of `of`.
        of: images (channel, y, x).
    """

    def __init__(self, split: str, *, of: Dataset):
        self.of = as_dataset(of)
        spec = self.of.spec
        if spec.unit_axes or len(spec.shape) != 3 or spec.range is None:
            raise DoesNotFit(f"examples/negatives needs images (channel, y, x) with a range, not {spec.shape}")
        self.middle = sum(spec.range)
        self.spec: DataSpec = replace(
            spec,
            shape=(2, *spec.shape),
            axes=("domain", *spec.axes),
            unit_axes=1,
            names={**spec.names, "domain": ("positive", "negative")},
            classes=(),
            condition_shape=(2, *spec.shape),
            view="examples/translations",
            formats=("basics/hdf5",),
        )

    def __len__(self) -> int:
        return len(self.of) // 2

    def to(self, device: torch.device) -> "Negatives":
        """Moves the images to `device`."""
        self.of = self.of.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """(B, 2, C, H, W); the second image is that of the same number, or with `rng` any other."""
        partners = indices
        if rng is not None:
            partners = torch.randint(len(self), indices.shape, generator=rng, device=rng.device).cpu()
        positive = self.of.batch(2 * indices, rng).samples
        negative = self.middle - self.of.batch(2 * partners + 1, rng).samples
        both = torch.stack([positive, negative], 1)
        right = torch.stack([self.middle - negative, self.middle - positive], 1)
        return Batch(both, None, both, {"translated": right})
