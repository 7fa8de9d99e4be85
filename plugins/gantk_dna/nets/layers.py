"""The ends of nets for sequences: labels into a net, raw numbers to letters out of it, labels into a score."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES

OutputMode = Literal["softmax", "straight_through", "gumbel"]


def sequence_shape(spec: DataSpec, net: str) -> tuple[int, int]:
    """(channels, length) of the sequences that a net is built for.

    Args:
        spec: what one sample is.
        net: full name of the net, for the message.

    Raises:
        DoesNotFit: samples are not (4 bases and perhaps annotation channels, position).
    """
    if spec.unit_axes or len(spec.shape) != 2 or spec.shape[0] < BASES or not spec.categorical:
        raise DoesNotFit(
            f"{net} is for sequences (base, position) with four bases, but a sample is {spec.axes} {spec.shape}; use "
            "data of the plugin dna, such as dna/sequences"
        )
    letters = "".join(spec.names.get(spec.axes[0], "ACGT")[:BASES]).upper().replace("U", "T")
    if letters != "ACGT":
        raise DoesNotFit(f"{net} is for nucleotide sequences, whose first four channels are A, C, G, T, not {letters}")
    return spec.shape[0], spec.shape[1]


def class_count(spec: DataSpec, conditional: bool | None, net: str) -> int:
    """How many classes a net is told apart, 0 where it is told none.

    Args:
        spec: what one sample is.
        conditional: whether the net takes labels; None: where the data have some.
        net: full name of the net, for the message.

    Raises:
        DoesNotFit: labels are wanted, but the data have none.
    """
    if conditional and not spec.classes:
        raise DoesNotFit(f"{net} is to be conditional, but the data have no labels: give data.label or data.bins")
    return 0 if conditional is False else len(spec.classes)


def with_labels(latent: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """Latents with one more number for each class behind them, 1 for the label's: (B, latent + classes).

    Raises:
        DoesNotFit: the net takes labels, but none are given.
    """
    if not classes:
        return latent
    if labels is None:
        raise DoesNotFit("this generator is conditional: say which label each sample is to have")
    return torch.cat([latent, F.one_hot(labels, classes).to(latent.dtype)], 1)


class ResidualBlock(nn.Module):
    """x + 0.3 · conv(relu(conv(relu(x)))) over positions, the length unchanged (Killoran et al. 2017, section A).

    Args:
        width: channels.
        kernel: letters that one kernel spans; odd.
    """

    def __init__(self, width: int, kernel: int):
        super().__init__()
        self.first = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.second = nn.Conv1d(width, width, kernel, padding=kernel // 2)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, width, L) to the same."""
        return hidden + 0.3 * self.second(F.relu(self.first(F.relu(hidden))))


class Letters(nn.Module):
    """Raw numbers to letters, and to annotation by the logistic function.

    `softmax`: shares. `straight_through`: the likeliest base, with the gradient of the shares. `gumbel`: a base drawn
    from the shares by Gumbel noise, with the gradient of the noisy shares (Jang et al. 2017, equation 2 and section
    2.2). The noise is given, not drawn, so that a latent always means the same sequence.

    Args:
        mode: how letters are made.
        temperature: what raw numbers are divided by, at first and in the end.
        anneal: training steps over which the temperature goes from the one to the other, geometrically.
    """

    temperature: Tensor

    def __init__(self, mode: OutputMode, temperature: tuple[float, float] = (1.0, 1.0), anneal: int = 0):
        super().__init__()
        self.mode = mode
        self.between = temperature
        self.anneal = anneal
        self.register_buffer("temperature", torch.tensor(float(temperature[0])))

    def at_step(self, step: int) -> None:
        """Sets the temperature of this training step; it is saved with the weights."""
        start, end = self.between
        done = min(step / self.anneal, 1.0) if self.anneal else 1.0
        self.temperature.fill_(start * (end / start) ** done)

    def forward(self, raw: Tensor, noise: Tensor | None = None) -> Tensor:
        """Letters (B, 4 + annotation, L).

        Args:
            raw: (B, 4 + annotation, L).
            noise: (B, 4, L) standard normal numbers, for `gumbel`.
        """
        logits, annotation = raw[:, :BASES], raw[:, BASES:]
        if noise is not None:
            uniform = torch.special.ndtr(noise).clamp(1e-6, 1 - 1e-6)
            logits = logits - torch.log(-torch.log(uniform))
        soft = (logits / self.temperature).softmax(1)
        letters = soft
        if self.mode != "softmax":
            hard = torch.zeros_like(soft).scatter_(1, soft.argmax(1, keepdim=True), 1.0)
            letters = hard + (soft - soft.detach())  # exactly 0 and 1, with the gradient of the shares
        return torch.cat([letters, annotation.sigmoid()], 1) if raw.shape[1] > BASES else letters


class ProjectedScore(nn.Module):
    """A score from features, and for a label the features' projection on that label's direction.

    Miyato & Koyama 2018, equation 3.

    Args:
        features: F.
        classes: how many labels there are; 0: the score alone.
    """

    def __init__(self, features: int, classes: int):
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.direction = nn.Embedding(classes, features) if classes else None
        if self.direction is not None:
            nn.init.normal_(self.direction.weight, std=features**-0.5)

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores (B,) from features (B, F) and labels (B,)."""
        scores = self.linear(features).squeeze(-1)
        if self.direction is None:
            return scores
        if labels is None:
            raise DoesNotFit("this critic is conditional: it needs the label of each sample")
        return scores + (self.direction(labels) * features).sum(1)
