"""Encoders: samples to vectors, for losses that learn an inference net beside the generator."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn

from gantk.spec import DataSpec
from gantk_basics.nets.dcgan import DcganCritic, Initialisation, Normalisation, start_as_dcgan
from gantk_basics.nets.mlp import Activation, activate

Count = Annotated[int, Ge(1)]


class MlpEncoder(nn.Module):
    """Dense layers from a sample of any shape to a vector.

    Args:
        spec: what one sample is.
        outputs: length of the vector; the loss says what it must be.
        hidden: sizes of the hidden layers.
        activation: what follows each hidden layer.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        outputs: Count = 16,
        hidden: Sequence[Count] = (128, 128),
        activation: Activation = "leaky_relu",
    ):
        super().__init__()
        sizes = [prod(spec.shape), *hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), activate(activation)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(sizes[-1], outputs)

    def features(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, F), the last hidden layer."""
        return self.layers(samples)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, outputs)."""
        return self.head(self.features(samples))


class DcganEncoder(DcganCritic):
    """The convolutions of the DCGAN critic, then one dense layer to a vector.

    Radford et al. 2016, section 3, for the convolutions.

    Args:
        spec: what one image is.
        outputs: length of the vector; the loss says what it must be.
        width: channels of the first convolution; each further one has twice as many.
        stages: how often the size is halved; by default as often as fits.
        normalisation: after each convolution but the first.
        initialisation: "dcgan": weights from N(0, 0.02); "default": PyTorch's.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        outputs: Count = 16,
        width: Count = 64,
        stages: Count | None = None,
        normalisation: Normalisation = "none",
        initialisation: Initialisation = "dcgan",
    ):
        super().__init__(spec, width=width, stages=stages, normalisation=normalisation, initialisation=initialisation)
        self.head = nn.Linear(self.head.in_features, outputs)
        if initialisation == "dcgan":
            self.head.apply(start_as_dcgan)

    def forward(self, samples: Tensor) -> Tensor:  # type: ignore[override]  # it is not told the class
        """(B, C, H, W) to (B, outputs)."""
        return self.head(self.features(samples))
