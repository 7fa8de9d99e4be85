"""Losses: regression of scores from sequences, without a generator; and augmentation of sequences for a critic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Interval
from gantk_basics.losses.augmenting import MOST, USUAL, Adapt, AugmentedLoss
from torch import Tensor
from torch.nn import functional as F

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play
from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES
from gantk_dna.codes import check_bases


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


@dataclass(frozen=True, kw_only=True)
class SequencePolicy:
    """What may be done to each sequence that a critic sees. Each change is made, or not, on its own.

    Args:
        shift: most positions that it is moved by; what comes in is any base, in equal shares.
        reverse_complement: whether half of those that are changed are read from the other strand; only for double
            strands on which either direction means the same.
    """

    shift: Annotated[int, Ge(0)] = 4
    reverse_complement: bool = True

    def check(self, spec: DataSpec, conditional: bool) -> None:
        """Refuses what is no sequence of bases, or too short.

        Raises:
            DoesNotFit: the message says which.
        """
        check_bases(spec)
        if self.shift >= spec.shape[1]:
            raise DoesNotFit(f"loss.policy.shift: {self.shift} moves sequences of {spec.shape[1]} bases out of sight")
        if conditional and len(spec.condition_shape or ()) > 1:
            raise DoesNotFit("dna/augmented would move the sequence and not the condition that the critic sees, too")

    def draw(self, play: Play, probability: Tensor) -> dict[str, Tensor]:
        """Of each row of the batch: positions that it is moved by, and whether it is reversed.

        Args:
            play: draws.
            probability: with which each change is made.
        """
        made = play.uniform(play.batch, 2, purpose="augmentation, whether") < probability
        drawn = play.uniform(play.batch, 2, purpose="augmentation, how")
        moves = (drawn[:, 0] * (2 * self.shift + 1)).floor().long() - self.shift
        return {
            "moves": moves * made[:, 0],
            "reversed": made[:, 1] & (drawn[:, 1] < 0.5) & self.reverse_complement,
        }

    def apply(self, samples: Tensor, drawn: Mapping[str, Tensor], spec: DataSpec) -> Tensor:
        """Sequences (B, bases, positions) changed as drawn.

        Args:
            samples: the first four channels are A, C, G, T.
            drawn: from `draw`.
            spec: what one sample is.
        """
        other = torch.cat([samples[:, :BASES].flip(1), samples[:, BASES:]], 1).flip(2)  # T, G, C, A: the complements
        samples = torch.where(drawn["reversed"].reshape(-1, 1, 1), other, samples)
        length = samples.shape[2]
        place = torch.arange(length, device=samples.device) - drawn["moves"][:, None]  # (B, L)
        inside = ((place >= 0) & (place < length))[:, None]
        taken = samples.gather(2, place.clamp(0, length - 1)[:, None].expand_as(samples))
        blank = samples.new_zeros(samples.shape[1], 1)
        blank[:BASES] = 1 / BASES
        return torch.where(inside, taken, blank)


class AugmentedSequences(AugmentedLoss):
    """Another loss, whose critic sees sequences moved and read from the other strand: for data of some hundred.

    What it does to real and generated sequences, and how `adapt` steers it, is said of `basics/augmented`.

    Zhao et al. 2020; adaptive: Karras et al. 2020, equation 1; neither is about DNA.

    Args:
        loss: the loss that is wrapped, as a nested `use:`.
        policy: what is done to sequences.
        probability: with which each change is made, from the start; null: 0.5, and 0 where it adapts.
        adapt: what steers the probability.
        target: of what `adapt` measures.
        span: samples seen in training in which the probability could go from 0 to 1.
    """

    label = "dna/augmented"

    def __init__(
        self,
        *,
        loss: Loss,
        policy: SequencePolicy | None = None,
        probability: Annotated[float, Interval(ge=0, le=MOST)] | None = None,
        adapt: Adapt = "none",
        target: Annotated[float, Interval(ge=0, le=1)] = 0.6,
        span: Annotated[int, Ge(1)] = 50_000,
    ):
        start = (USUAL if adapt == "none" else 0.0) if probability is None else probability
        super().__init__(loss, policy or SequencePolicy(), probability=start, adapt=adapt, target=target, span=span)
