"""Stacked MNIST: three random digits as the three channels of one image, 1,000 modes that can be counted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from gantk.interfaces import Batch
from gantk.spec import DataSpec
from gantk_basics.data.mnist import Mnist

CHANNELS = 3
STREAMS = {"train": 0, "validation": 1, "test": 2}


class StackedMnist:
    """Three random digits of MNIST as the channels of one image: 1,000 modes, nearly equally frequent.

    Which digits a stack is made of is drawn once, from the digits of its own split; the stacks themselves are made
    when a batch is asked for, so that 128,000 of them take the memory of the digits. `truth["digits"]` of a batch
    says what the channels show. They are no labels: a generator and a critic see the channels and nothing else.

    Metz et al. 2017 (unrolled GANs), section 3.3.1; 128,000 stacks: Lin et al. 2018 (PacGAN), section 4.2.

    Args:
        split: "train", "validation" or "test".
        root: the folder with MNIST's IDX files, compressed or not; split as `basics/mnist` splits them.
        size: stacks of the training split.
        held_out: stacks of the validation split, and of the test split; modes are counted on 26,000.
        seed: of the splits, and of which digits meet.

    Raises:
        DataError: no such folder, no such files, or damaged ones.
    """

    augments = False

    def __init__(
        self,
        split: str,
        *,
        root: Path,
        size: Annotated[int, Ge(1)] = 128_000,
        held_out: Annotated[int, Ge(1)] = 26_000,
        seed: int = 0,
    ):
        self.digits = Mnist(split, root=root, seed=seed)
        rng = np.random.default_rng([seed, STREAMS[split]])
        count = size if split == "train" else held_out
        self.members = torch.from_numpy(rng.integers(0, len(self.digits), (count, CHANNELS)))  # (N, 3), numbers
        one = self.digits.spec
        self.spec = DataSpec(
            shape=(CHANNELS, *one.shape[1:]),
            axes=one.axes,
            range=one.range,
            view=one.view,
            formats=one.formats,
            attributes=one.attributes,
        )

    @staticmethod
    def bytes_needed(*, size: int, held_out: int, **_: Any) -> int:
        """Bytes of the numbers that say which digits meet; the digits are read, not made."""
        return (size + 2 * held_out) * CHANNELS * 8

    def __len__(self) -> int:
        return len(self.members)

    @property
    def nbytes(self) -> int:
        """Bytes of the digits, and of the numbers that say which of them meet."""
        return self.digits.nbytes + self.members.numel() * self.members.element_size()

    def to(self, device: torch.device) -> StackedMnist:
        """Moves the digits to `device`."""
        self.digits.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The stacks of `indices`, (B, 3, H, W), and in `truth["digits"]` what they show, (B, 3). Draws nothing."""
        members = self.members[indices]  # (B, 3)
        single = self.digits.batch(members.flatten(), None)
        assert single.labels is not None
        digits = single.labels.reshape(members.shape).cpu()
        return Batch(single.samples.reshape(len(members), *self.spec.shape), truth={"digits": digits})
