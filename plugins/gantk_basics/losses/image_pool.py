"""A history of generated images from which a critic is shown some (Shrivastava et al. 2017, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Keeps images of earlier updates, of each unit on its own; buffers, so that a checkpoint has them.

    Until it is full it keeps every image and shows it. Then it shows the image itself with probability 1/2, else one
    that it has kept, which the new image replaces. Images of a batch come one after another.

    Args:
        size: how many are kept of each unit.
        units: how many units a sample has.
        own_shape: of one unit of a sample.
    """

    kept: Tensor
    filled: Tensor

    def __init__(self, size: int, units: int, own_shape: tuple[int, ...]):
        super().__init__()
        self.size = size
        self.register_buffer("kept", torch.zeros(size, units, *own_shape))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchanged(self, images: Tensor, draws: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is shown in place of these images, and what the pool then holds; nothing is changed.

        Args:
            images: (B, units, *own_shape).
            draws: (B, units, 2) from [0, 1): whether an old image is shown, and which.

        Returns:
            the images to show, those kept, and how many they are.
        """
        count, units = images.shape[:2]
        each, unit = torch.arange(count, device=images.device)[:, None], torch.arange(units, device=images.device)
        full = self.filled + each >= self.size  # (B, 1)
        place = torch.where(full, (draws[..., 1] * self.size).long().clamp_max(self.size - 1), self.filled + each)
        swap = full & (draws[..., 0] > 0.5)  # (B, units)
        written = swap | ~full
        same = (place[:, None] == place[None]) & written[
            None
        ]  # (B, B, units): the second has written where the first is
        before = torch.where(same & (each > each.T)[..., None], each.T[..., None], -1).amax(1)  # (B, units)
        later = (same & (each < each.T)[..., None]).any(1)
        broad = (count, units, *[1] * (images.dim() - 2))
        new = images.to(self.kept.dtype)
        old = torch.where((before >= 0).reshape(broad), new[before.clamp_min(0), unit], self.kept[place, unit])
        kept = torch.cat([self.kept, self.kept[:1]])  # the last one takes what is not kept
        kept[torch.where(written & ~later, place, self.size), unit] = new
        shown = torch.where(swap.reshape(broad), old, new).to(images.dtype)
        return shown, kept[:-1], (self.filled + count).clamp_max(self.size)

    @torch.no_grad()
    def keep(self, kept: Tensor, filled: Tensor) -> None:
        """Holds what `exchanged` returned."""
        self.kept.copy_(kept)
        self.filled.copy_(filled)
