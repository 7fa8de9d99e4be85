"""The nets of Killoran, Lee, Delong, Duvenaud & Frey 2017 (arXiv 1712.06148), for sequences of any length."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from pydantic import AfterValidator
from torch import Tensor, nn

from gantk.spec import DataSpec
from gantk_dna.nets.layers import Letters, ProjectedScore, ResidualBlock, class_count, sequence_shape, with_labels

Count = Annotated[int, Ge(1)]


def _odd(kernel: int) -> int:
    if kernel % 2 == 0:
        raise ValueError(f"a kernel spans an odd number of letters, such as {kernel + 1}, so that lengths stay")
    return kernel


Kernel = Annotated[int, Ge(1), AfterValidator(_odd)]


class KilloranGenerator(nn.Module):
    """Latent → dense → (width, L) → residual blocks → 1 × 1 convolution → softmax over the bases.

    Killoran et al. 2017, sections 2.1 and A: latent 100, width 100, five blocks of kernels of 5 letters; the exon
    experiment's further channel ends in the logistic function.

    Args:
        spec: what one sequence is: (4 + annotation channels, L).
        latent: numbers in one latent.
        width: channels.
        blocks: residual blocks.
        kernel: letters that one kernel spans; odd.
        conditional: whether it is told the label; null: where the data have labels.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Count = 100,
        width: Count = 100,
        blocks: Count = 5,
        kernel: Kernel = 5,
        conditional: bool | None = None,
    ):
        super().__init__()
        channels, length = sequence_shape(spec, "dna/killoran")
        self.classes = class_count(spec, conditional, "dna/killoran")
        self.latent_shape = (latent,)
        self.dense = nn.Linear(latent + self.classes, width * length)
        self.blocks = nn.Sequential(*[ResidualBlock(width, kernel) for _ in range(blocks)])
        self.last = nn.Conv1d(width, channels, 1)
        self.letters = Letters("softmax")
        self.start = (width, length)

    def forward(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, latent) and labels (B,) to shares (B, 4 + annotation, L)."""
        hidden = self.dense(with_labels(latent, labels, self.classes)).reshape(-1, *self.start)  # (B, width, L)
        return self.letters(self.last(self.blocks(hidden)))


class KilloranCritic(nn.Module):
    """1 × 1 convolution to `width` → residual blocks → flat → dense. Killoran et al. 2017, sections 2.1 and A.

    Args:
        spec: what one sequence is: (4 + annotation channels, L).
        width: channels.
        blocks: residual blocks.
        kernel: letters that one kernel spans; odd.
        conditional: whether it is told the label (by projection); null: where the data have labels.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Count = 100,
        blocks: Count = 5,
        kernel: Kernel = 5,
        conditional: bool | None = None,
    ):
        super().__init__()
        channels, length = sequence_shape(spec, "dna/killoran")
        self.first = nn.Conv1d(channels, width, 1)
        self.blocks = nn.Sequential(*[ResidualBlock(width, kernel) for _ in range(blocks)])
        self.head = ProjectedScore(width * length, class_count(spec, conditional, "dna/killoran"))

    def features(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to (B, width · L)."""
        return self.blocks(self.first(samples)).flatten(1)

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores (B,) of samples (B, 4 + annotation, L) with labels (B,)."""
        return self.head(self.features(samples), labels)
