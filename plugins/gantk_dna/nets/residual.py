"""A fast generator of sequences that are letters, not shares of letters."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor, nn

from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES
from gantk_dna.nets.killoran import Count, Kernel
from gantk_dna.nets.layers import Letters, OutputMode, ResidualBlock, class_count, sequence_shape, with_labels

Temperature = Annotated[float, Gt(0)]


class ResidualGenerator(nn.Module):
    """Latent → dense → (width, L), plus noise of each position → residual blocks → 1 × 1 convolution → letters.

    A latent has three parts, all standard normal: `latent` numbers that say what the whole sequence is, `noise`
    numbers for each position, and with `gumbel` four more for each position, which draw its letter. The first part
    alone cannot make neighbouring letters vary as freely as those of real DNA do. Commands call the parts `sequence`,
    `noise` and `letters`.

    Args:
        spec: what one sequence is: (4 + annotation channels, L).
        latent: numbers for the whole sequence.
        noise: numbers for each position.
        width: channels.
        blocks: residual blocks.
        kernel: letters that one kernel spans; odd.
        output: softmax: shares of letters; straight_through: the likeliest letter; gumbel: a letter drawn.
        temperature: at first and in the end; a low one makes gradients follow the letters more closely.
        anneal: steps in which the temperature goes from the first to the last.
        conditional: whether it is told the label; null: where the data have labels.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Count = 64,
        noise: Annotated[int, Ge(0)] = 8,
        width: Count = 64,
        blocks: Annotated[int, Ge(0)] = 3,
        kernel: Kernel = 5,
        output: OutputMode = "straight_through",
        temperature: tuple[Temperature, Temperature] = (1.0, 1.0),
        anneal: Annotated[int, Ge(0)] = 0,
        conditional: bool | None = None,
    ):
        super().__init__()
        channels, length = sequence_shape(spec, "dna/residual")
        self.classes = class_count(spec, conditional, "dna/residual")
        self.parts = [latent, noise * length, BASES * length if output == "gumbel" else 0]
        self.latent_shape = (sum(self.parts),)
        ends = list(accumulate(self.parts, initial=0))
        named = zip(("sequence", "noise", "letters"), pairwise(ends), strict=True)
        self.latent_parts = {name: slice(*part) for name, part in named if part[0] < part[1]}
        self.start = (width, length)
        self.dense = nn.Linear(latent + self.classes, width * length)
        self.local = nn.Conv1d(noise, width, kernel, padding=kernel // 2) if noise else None
        self.blocks = nn.Sequential(*[ResidualBlock(width, kernel) for _ in range(blocks)])
        self.last = nn.Sequential(nn.ReLU(), nn.Conv1d(width, channels, 1))
        self.letters = Letters(output, temperature, anneal)

    def latent_weights(self) -> dict[str, tuple[slice, Tensor]]:
        """What multiplies the numbers for the whole sequence; noise enters by a convolution, letters at the end."""
        part = self.latent_parts["sequence"]
        return {"sequence": (part, self.dense.weight[:, part])}

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent) and labels (B,) to letters (B, 4 + annotation, L)."""
        whole, noise, draws = latent.split(self.parts, 1)
        length = self.start[1]
        hidden = self.dense(with_labels(whole, labels, self.classes)).reshape(-1, *self.start)  # (B, width, L)
        if self.local is not None:
            hidden = hidden + self.local(noise.reshape(noise.shape[0], -1, length))
        raw = self.last(self.blocks(hidden))  # (B, 4 + annotation, L)
        return self.letters(raw, draws.reshape(-1, BASES, length) if draws.shape[1] else None)
