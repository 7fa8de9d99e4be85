"""Early warning of a critic that wins: the scores of real and generated samples part while samples stop improving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gantk import console
from gantk.errors import DoesNotFit
from gantk.interfaces import Samples, call, declares

PARTED = 0.05  # chance that a generated sample scores above a real one, below which the scores have parted
PICTURES = 3  # pictures in succession in which they have, and in which no sample came nearer to the data
AFTER = 0.2  # share of the run after which it is looked for


def energy_distance(one: Tensor, other: Tensor) -> float:
    """2 E‖x - y‖ - E‖x - x'‖ - E‖y - y'‖ of two sets of samples: 0 where they come from one distribution.

    Args:
        one: (N, …) with N > 1.
        other: (M, …) with M > 1.
    """
    x, y = (each.flatten(1).float() for each in (one, other))
    return float(2 * torch.cdist(x, y).mean() - torch.pdist(x).mean() - torch.pdist(y).mean())


def overlap(real: Tensor, generated: Tensor) -> float:
    """Chance that a generated sample scores above a real one, of the unit where it is least: 0.5 where they are alike.

    Args:
        real: scores (N, *units, *patches).
        generated: scores (M, *units, *patches).
    """
    one, other = (each.reshape(len(each), -1) for each in (real, generated))
    above = (other[:, None] > one).double() + 0.5 * (other[:, None] == one).double()  # (M, N, units and patches)
    return float(above.mean((0, 1)).min())


def scores_of(critic: nn.Module, samples: Samples, device: torch.device) -> Tensor | None:
    """The critic's scores in evaluation mode; None for a critic that sees latents, or that cannot score so many."""
    if declares(critic, "latent"):
        return None
    given = {name: getattr(samples, name) for name in ("labels", "condition")}
    given = {name: value if value is None else value.to(device) for name, value in given.items()}
    was_training = critic.training
    critic.eval()
    try:
        with torch.no_grad():
            return call(critic, samples.samples.to(device), **given).float().cpu()
    except DoesNotFit:
        return None
    finally:
        critic.train(was_training)


def remedies(loss: Mapping[str, Any]) -> str:
    """What to try where few samples may be known by heart.

    Args:
        loss: the recipe's block.
    """
    if str(loss["use"]).endswith("/augmented"):
        return "a penalty (loss.loss.r1 > 0), a smaller critic, or fewer steps"
    return (
        "to wrap the loss in basics/augmented (docs/how-to/few-images.md), a penalty (loss.r1 > 0), or a smaller critic"
    )


class WinningCritic:
    """Looks at the scores and the samples of each picture, and warns once.

    Args:
        steps: of the whole run.
        loss: the recipe's block.
    """

    def __init__(self, steps: int, loss: Mapping[str, Any]):
        self.steps = steps
        self.loss = loss
        self.seen: list[tuple[int, float, float]] = []  # step, overlap, distance
        self.warned = False

    def remember(self, line: Mapping[str, Any]) -> None:
        """Restores what was seen before the run stopped, from a line of metrics.jsonl."""
        if "score_overlap" in line:
            self.seen.append((line["step"], line["score_overlap"], line["sample_distance"]))
            self.warned = self.warned or bool(line.get("critic_warning"))

    def look(
        self, critic: nn.Module, real: Samples, made: Samples, step: int, device: torch.device
    ) -> dict[str, float]:
        """Scores both, and warns where the critic wins.

        Args:
            critic: as it is trained.
            real: samples of the data, the same at every step.
            made: samples on fixed latents, of the same shape.
            step: of training.
            device: where the critic is.

        Returns:
            `score_overlap`, `sample_distance`, `critic_warning`; {} for a critic that cannot score them.
        """
        scores = [scores_of(critic, each, device) for each in (real, made)]
        if scores[0] is None or scores[1] is None or len(real) < 2 or len(made) < 2:
            return {}
        self.seen = [each for each in self.seen if each[0] < step]  # a run may have gone back
        self.seen.append((step, overlap(scores[0], scores[1]), energy_distance(real.samples, made.samples)))
        won = self._won()
        if won and not self.warned:
            self.warned = True
            console.warn(
                f"step {step}: is the critic winning? It scores {1 - self.seen[-1][1]:.0%} of real samples above "
                f"generated ones, and for {PICTURES} pictures samples came no nearer to the data. With few samples it "
                f"may know them by heart: try {remedies(self.loss)}"
            )
        return {
            "score_overlap": self.seen[-1][1],
            "sample_distance": self.seen[-1][2],
            "critic_warning": float(won),
        }

    def _won(self) -> bool:
        late, early = self.seen[-PICTURES:], self.seen[:-PICTURES]
        if not early or late[0][0] < AFTER * self.steps:
            return False
        parted = all(score < PARTED for _, score, _ in late)
        return parted and min(far for *_, far in late) >= min(far for *_, far in early)
