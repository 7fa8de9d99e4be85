"""Losses: regression of scores from sequences, without a generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play


class Regression(Loss):
    """Trains the critic to say the score of each real sample; a recipe with this loss has no generator.

    Args:
        kind: "squared": the mean squared difference; "ordinal": the score of the higher of two samples of the batch
            is to be higher, by logistic loss, so that only the order counts; "class": logistic loss on labels 0 and 1.
    """

    def __init__(self, *, kind: Literal["squared", "ordinal", "class"] = "squared"):
        super().__init__()
        self.kind = kind

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """One term, named after the kind.

        Raises:
            DoesNotFit: the data say no scores (or no labels).
        """
        found = play.score(play.real)  # (B, *units, *patches): each unit learns the same score
        wanted = scores_of(play.data.truth, play.labels, self.kind).to(found)
        wanted = wanted.reshape(-1, *[1] * (found.dim() - 1)).expand_as(found)
        if self.kind == "class":
            return {"class": play.mean(F.binary_cross_entropy_with_logits(found, wanted, reduction="none"))}
        if self.kind == "ordinal":
            order = torch.randperm(len(found), generator=play.rng("pairs"), device=play.device)
            sign = torch.sign(wanted - wanted[order])
            return {"ordinal": play.mean(sign.abs() * F.softplus(-sign * (found - found[order])))}
        return {"squared": play.mean((found - wanted) ** 2)}

    @classmethod
    def play_defaults(cls, **parameters: object) -> dict[str, object]:
        """Adam(1e-3)."""
        return {"critic_optimizer": {"use": "basics/adam", "lr": 1e-3}}


def scores_of(truth: Mapping[str, Tensor], labels: Tensor | None, kind: str) -> Tensor:
    """What is to be predicted: (B,).

    Raises:
        DoesNotFit: the data do not say it.
    """
    if kind == "class":
        if labels is None:
            raise DoesNotFit("there are no labels to predict: give data.label")
        return labels.float()
    if "score" not in truth:
        raise DoesNotFit("there are no scores to predict: give data.score, the column that holds them")
    return truth["score"].float()
