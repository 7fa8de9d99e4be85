"""Complete cells of which training shows one protein each, in turn: what many proteins in one cell are worth."""

from __future__ import annotations

import torch
from gantk_basics.data.augmented import AugmentedImages
from gantk_basics.image_augmentation import Augmentation
from torch import Tensor

from gantk.interfaces import Batch
from gantk.spec import DataSpec


class AlternateGreens(AugmentedImages):
    """Pairs of red and one green: of the cells 0, K, 2 K, … the first, of 1, K + 1, … the second, and so on.

    No cell is seen with two of its greens, as if each protein had been imaged in cells of its own. A sample is one
    pair of each protein, of cells that meet by chance: with `rng` by a fresh offset for each protein and batch.

    Args:
        spec: of the pairs, (K, 2, H, W).
        stacks: whole cells as they are kept, (N, 1 + K, H, W), N at least K.
        augment: what training does to images at random; None: flips along both axes.
    """

    def __init__(self, spec: DataSpec, stacks: Tensor, augment: Augmentation | None = None):
        proteins = spec.shape[0]
        self.counts = torch.tensor([len(range(k, len(stacks), proteins)) for k in range(proteins)])
        pairs = torch.cat([stacks[k::proteins][:, [0, 1 + k]] for k in range(proteins)])  # protein after protein
        super().__init__(spec, pairs, augment=augment, flips=("y", "x"))

    def __len__(self) -> int:
        return int(self.counts.max())

    def to(self, device: torch.device) -> AlternateGreens:
        """Moves everything to `device`."""
        super().to(device)
        self.counts = self.counts.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """Pairs (B, K, 2, H, W), with `rng` each augmented at random."""
        device, counts = self.stored.device, self.counts  # (K,)
        place = indices.to(device)[:, None]  # (B, 1)
        if rng is not None:
            place = place + (torch.rand(len(counts), generator=rng, device=device) * counts).long()
        rows = counts.cumsum(0) - counts + place % counts  # (B, K)
        return Batch(self.finish(self.stored[rows], rng))
