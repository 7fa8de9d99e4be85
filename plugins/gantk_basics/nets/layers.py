"""Dense layers of which each unit has its own, computed together; and spectral normalisation of layers."""

from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gantk.errors import DoesNotFit


class UnitLinear(nn.Module):
    """One linear layer per unit, with weights of their own, as one batched product; started as `nn.Linear` is.

    Args:
        units: sizes of the unit axes; () makes one layer.
        inputs: features in.
        outputs: features out.
        bias: whether each layer has a bias.
        device: where the weights live.
    """

    def __init__(
        self,
        units: tuple[int, ...],
        inputs: int,
        outputs: int,
        *,
        bias: bool = True,
        device: torch.device | None = None,
    ):
        super().__init__()
        bound = 1 / sqrt(inputs)
        count = prod(units)
        self.weight = nn.Parameter(torch.empty(count, inputs, outputs, device=device).uniform_(-bound, bound))
        self.bias = (
            nn.Parameter(torch.empty(count, 1, outputs, device=device).uniform_(-bound, bound)) if bias else None
        )

    def forward(self, values: Tensor) -> Tensor:
        """(B, *units, inputs) to (B, *units, outputs)."""
        count, inputs, outputs = self.weight.shape
        flat = values.reshape(len(values), count, inputs).transpose(0, 1)  # (U, B, inputs)
        made = torch.bmm(flat, self.weight) if self.bias is None else torch.baddbmm(self.bias, flat, self.weight)
        return made.transpose(0, 1).reshape(*values.shape[:-1], outputs)


def dense(units: tuple[int, ...], inputs: int, outputs: int) -> nn.Module:
    """A linear layer for each unit: `nn.Linear` where a sample is one unit.

    Args:
        units: sizes of the unit axes.
        inputs: features in.
        outputs: features out.
    """
    return UnitLinear(units, inputs, outputs) if units else nn.Linear(inputs, outputs)


def spectrally_normalise(net: nn.Module, component: str) -> None:
    """Divides every weight of a net's layers by its largest singular value, W / σ(W): a Lipschitz constant of 1 each.

    σ is found by one step of power iteration in each pass of training; its vectors are buffers, so a resumed run has
    them. To be called once weights are as they start. Miyato et al. 2018, equation 8 and algorithm 1.

    Args:
        net: of linear layers, convolutions and tables.
        component: named in messages: "basics/mlp".

    Raises:
        DoesNotFit: layers whose units have weights of their own, in one tensor.
    """
    for layer in list(net.modules()):
        if isinstance(layer, UnitLinear):
            raise DoesNotFit(
                f"{component} has weights for each unit of a sample, and `spectral` is for samples without units: "
                "leave it out"
            )
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.Embedding):
            spectral_norm(layer)
