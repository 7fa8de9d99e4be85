"""Samples as rows of numbers, the samples themselves or what a critic makes of them: what distances are taken of."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Samples

On = Literal["samples", "features"]
CHUNK = 500  # samples that go through a critic, or come from a data set, together


def rows(samples: Tensor, on: On, nets: Mapping[str, nn.Module]) -> Tensor:
    """One row of numbers for each sample, (N, D), on the CPU.

    Args:
        samples: (N, *shape).
        on: the samples' own numbers, or the critic's features of them.
        nets: has "critic" where there is one.

    Raises:
        DoesNotFit: features are asked for, but there is no critic that has any.
    """
    if on == "samples":
        return samples.flatten(1)
    critic: Any = nets.get("critic")
    if not hasattr(critic, "features"):
        raise DoesNotFit("`on: features` needs a critic with a `features` method; this run has none, use `on: samples`")
    at = next(critic.parameters()).device
    was_training = critic.training
    critic.eval()
    with torch.no_grad():
        made = [critic.features(part.to(at)).flatten(1).float().cpu() for part in samples.split(CHUNK)]
    critic.train(was_training)
    return torch.cat(made)


def pair(
    generated: Samples,
    real: Dataset,
    most: int,
    on: On,
    rng: torch.Generator,
    nets: Mapping[str, nn.Module],
    least: int = 1,
) -> tuple[Tensor, Tensor]:
    """Equally many generated and real samples as rows, (N, D) each.

    Args:
        generated: the first of these are taken.
        real: random ones of these are taken.
        most: how many at most.
        on: the samples' own numbers, or the critic's features of them.
        rng: chooses the real ones.
        nets: has "critic" where there is one.
        least: how many at least.

    Raises:
        DoesNotFit: there are fewer.
    """
    count = min(most, len(generated), len(real))
    if count < least:
        raise DoesNotFit(
            f"this metric needs {least} samples or more of each kind, but there are {len(generated)} generated and "
            f"{len(real)} held-out ones; hold out more of the data, or leave the metric out"
        )
    return rows(generated.samples[:count], on, nets), rows(take(real, count, rng).samples, on, nets)


def all_rows(real: Dataset, on: On, nets: Mapping[str, nn.Module]) -> Iterator[Tensor]:
    """All samples of a data set as rows, some at a time, as they are (not flipped or cropped at random).

    Args:
        real: where from.
        on: the samples' own numbers, or the critic's features of them.
        nets: has "critic" where there is one.
    """
    for indices in torch.arange(len(real)).split(CHUNK):
        yield rows(real.batch(indices, None).samples.cpu(), on, nets)
