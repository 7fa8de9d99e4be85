"""The nets of GGAN: target genes from landmark genes, and a critic of both together."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, Any

import torch
from annotated_types import Interval
from gantk_basics.nets.mlp import Activation, Size, activate
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples, into_range
from gantk.spec import DataSpec
from gantk_expression.data.landmarks import landmarks_of

Share = Annotated[float, Interval(ge=0, lt=1)]


def condition_length(spec: DataSpec, component: str) -> int:
    """How many numbers a condition has. Raises DoesNotFit where there is none, or samples have units."""
    if spec.condition_shape is None:
        raise DoesNotFit(
            f"{component} needs data with a condition: of a table of expression, make genes the condition "
            "(data.condition={landmarks: 300})"
        )
    if spec.unit_axes:
        raise DoesNotFit(f"{component} is for samples without units")
    return prod(spec.condition_shape)


def dense_layers(
    sizes: Sequence[int], activation: Activation, dropout: float, *, of_inputs: float = 0.0
) -> nn.Sequential:
    """Dense layers, each followed by its activation and dropout.

    Args:
        sizes: of the input and of each layer.
        activation: behind each layer.
        dropout: share of each layer's outputs that is left out in training.
        of_inputs: the same of the inputs.
    """
    layers: list[nn.Module] = [nn.Dropout(of_inputs)] if of_inputs else []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activate(activation)]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


class GganGenerator(nn.Module):
    """Generator of GGAN: dense layers from landmark genes to target genes; equal conditions give equal samples.

    Wang, Ghasedi Dizaji & Huang 2018. Of `gantk sample --condition FILE` it takes the landmark genes by their names,
    and brings their numbers to what it was trained on.

    Args:
        spec: what one sample is; its condition are the landmark genes.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
        dropout: share of the hidden layers' outputs that is left out in training.
        input_dropout: share of the landmark genes that is left out in training, so that it learns not to trust one.
        linear: whether a linear map of the condition is added, as linear regression has it.
    """

    latent_shape = None

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: Sequence[Size] = (256,),
        activation: Activation = "leaky_relu",
        dropout: Share = 0.0,
        input_dropout: Share = 0.0,
        linear: bool = False,
    ):
        super().__init__()
        inputs = condition_length(spec, "expression/ggan")
        self.spec = spec
        self.layers = dense_layers([inputs, *hidden], activation, dropout, of_inputs=input_dropout)
        self.last = nn.Linear([inputs, *hidden][-1], prod(spec.shape))
        self.linear = nn.Linear(inputs, prod(spec.shape), bias=False) if linear else None

    def condition_from(self, samples: Samples | None, settings: Mapping[str, Any]) -> Tensor:
        """Landmark genes of samples, as they were in training, (N, *spec.condition_shape).

        Args:
            samples: profiles with names of their genes.
            settings: none.

        Raises:
            DoesNotFit: landmark genes are missing or there more than once, or the numbers are of another kind.
        """
        assert samples is not None and not settings
        return landmarks_of(samples, self.spec)

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        """No latent and conditions (B, *spec.condition_shape) to samples (B, *spec.shape)."""
        given = condition.flatten(1)
        raw = self.last(self.layers(given))
        if self.linear is not None:
            raw = raw + self.linear(given)
        return into_range(raw.reshape(-1, *self.spec.shape), self.spec)


class GganCritic(nn.Module):
    """Critic of GGAN: dense layers on landmark and target genes together.

    Wang, Ghasedi Dizaji & Huang 2018.

    Args:
        spec: what one sample is; it has a condition.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
        dropout: share of the hidden layers' outputs that is left out in training.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: Sequence[Size] = (256,),
        activation: Activation = "leaky_relu",
        dropout: Share = 0.0,
    ):
        super().__init__()
        inputs = condition_length(spec, "expression/ggan") + prod(spec.shape)
        self.layers = dense_layers([inputs, *hidden], activation, dropout)
        self.head = nn.Linear([inputs, *hidden][-1], 1)

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        """(B, *spec.shape) beside (B, *spec.condition_shape) to scores (B,)."""
        return self.head(self.layers(torch.cat([condition.flatten(1), samples.flatten(1)], 1))).squeeze(1)
