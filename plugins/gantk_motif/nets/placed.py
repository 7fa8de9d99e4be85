"""A generator of 0/1 strings that hold a pattern at an arbitrary place: letters and placed patterns, hard output.

Such strings are hard for convolutions alone: the place is a discrete choice, and between two places lies no string at
all. Here the choice is an argmax, so there is no between, and a pattern is drawn whole or not at all.
"""

from __future__ import annotations

from math import sqrt
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import normalize

from gantk.errors import DoesNotFit
from gantk.interfaces import scale_to_range
from gantk.spec import DataSpec
from gantk_motif.nets.layers import bits_shape, hard_bit, hard_choice


class Placed(nn.Module):
    """Learned patterns, each put wholly inside the string at the one place that the latent chooses.

    The place with the largest ⟨latent, direction⟩ is chosen, with one learned direction a place. All directions have
    length 1, so by symmetry every place is chosen about equally often; with free lengths or biases, training drifted
    to some of the places.

    Args:
        latent: numbers in one latent.
        channels: channels of what is drawn.
        length: L, letters of a string.
        patterns: how many different patterns are placed.
        pattern: letters that one pattern spans, at most L.
    """

    def __init__(self, latent: int, channels: int, length: int, patterns: int, pattern: int):
        super().__init__()
        self.places = length - pattern + 1
        self.directions = nn.Parameter(torch.randn(patterns, self.places, latent) / sqrt(latent))
        self.draw = nn.ConvTranspose1d(patterns, channels, pattern, bias=False)
        nn.init.normal_(self.draw.weight, 0, 0.01)  # a pattern there from the start would only give fakes away

    def chosen(self, latent: Tensor) -> Tensor:
        """One-hot choice of a place for each pattern, (B, patterns, places), from latents (B, latent)."""
        directions = normalize(self.directions, dim=-1).flatten(0, 1)  # (patterns · places, latent)
        return hard_choice((latent @ directions.T).unflatten(1, (-1, self.places)))

    def forward(self, latent: Tensor) -> Tensor:
        """(B, channels, L) from latents (B, latent): the patterns at their places, 0 elsewhere."""
        # One-hot among n places has a variance of about 1/n; scaled to 1, patterns learn as fast as other weights.
        return self.draw(self.chosen(latent) * sqrt(self.places))


class PlacedGenerator(nn.Module):
    """Letters from a dense layer + learned patterns at places that the latent chooses → hard 0/1 output.

    What a pattern looks like is learned; only an upper bound of its size is given. A pattern of P letters can start
    at L - P + 1 places, so a motif of M letters inside it reaches that many of its own L - M + 1.

    Args:
        spec: what one sample is: (C, L), any length; each value becomes the lower or the upper end of its range.
        latent: numbers in one latent.
        patterns: how many learned patterns are placed in each string.
        pattern: letters that one pattern spans: somewhat more than what one hopes to find.

    Raises:
        DoesNotFit: a pattern is longer than the strings.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(1)] = 100,
        patterns: Annotated[int, Ge(1)] = 1,
        pattern: Annotated[int, Ge(1)] = 24,
    ):
        super().__init__()
        channels, length = bits_shape(spec, "motif/placed")
        if pattern > length:
            raise DoesNotFit(
                f"motif/placed draws patterns of {pattern} letters, but these strings have only {length}; "
                f"set generator.pattern to {length} or less"
            )
        self.spec = spec
        self.latent_shape = (latent,)
        self.letters = nn.Sequential(nn.Linear(latent, channels * length), nn.Unflatten(1, (channels, length)))
        self.placed = Placed(latent, channels, length, patterns, pattern)

    def forward(self, latent: Tensor) -> Tensor:
        """Samples (B, C, L) at either end of the range of the data, from latents (B, latent)."""
        return scale_to_range(hard_bit(self.letters(latent) + self.placed(latent)), self.spec)
