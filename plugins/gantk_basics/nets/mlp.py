"""Dense nets for samples of any shape."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor, nn

from gantk.interfaces import into_range
from gantk.spec import DataSpec
from gantk_basics.nets.layers import dense

Activation = Literal["relu", "leaky_relu", "elu", "tanh"]
Size = Annotated[int, Ge(1)]


def activate(name: Activation) -> nn.Module:
    """The activation of this name; the leaky one has the slope 0.2 below 0.

    Args:
        name: which one.
    """
    known: dict[str, Callable[[], nn.Module]] = {
        "relu": nn.ReLU,
        "leaky_relu": lambda: nn.LeakyReLU(0.2),
        "elu": nn.ELU,
        "tanh": nn.Tanh,
    }
    return known[name]()


class MlpGenerator(nn.Module):
    """Dense layers from the latent to a sample of any shape.

    Args:
        spec: what one sample is.
        latent: length of the latent.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Size = 64,
        hidden: Sequence[Size] = (128, 128),
        activation: Activation = "relu",
    ):
        super().__init__()
        self.spec = spec
        self.latent_shape = (latent,)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([latent, *hidden]):
            layers += [nn.Linear(inputs, outputs), activate(activation)]
        self.layers = nn.Sequential(*layers, nn.Linear([latent, *hidden][-1], prod(spec.shape)))

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, *spec.shape)."""
        return into_range(self.layers(latent).reshape(-1, *self.spec.shape), self.spec)


class MlpCritic(nn.Module):
    """Dense layers from a sample of any shape to its score; where samples have units, each unit has layers of its own.

    Args:
        spec: what one sample is.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
    """

    def __init__(self, spec: DataSpec, *, hidden: Sequence[Size] = (128, 128), activation: Activation = "leaky_relu"):
        super().__init__()
        self.flattened = (*spec.units, -1)
        own = prod(spec.own_shape)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([own, *hidden]):
            layers += [dense(spec.units, inputs, outputs), activate(activation)]
        self.layers = nn.Sequential(*layers)
        self.head = dense(spec.units, [own, *hidden][-1], 1)

    def features(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, *units, F), the last hidden layer."""
        return self.layers(samples.reshape(len(samples), *self.flattened))

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores (B, *units)."""
        return self.head(self.features(samples)).squeeze(-1)
