"""Convolutions, gradients of gradients and gradient norms, for penalties."""

from typing import TYPE_CHECKING

from gantk.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from gantk.autograd.convolutions import upsampling
    from gantk.autograd.gradient_norms import leaf, unit_gradient_norms
    from gantk.autograd.second_order import SecondOrder

__all__ = [
    "SecondOrder",
    "leaf",
    "unit_gradient_norms",
    "upsampling",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "convolutions": ["upsampling"],
        "gradient_norms": ["leaf", "unit_gradient_norms"],
        "second_order": ["SecondOrder"],
    },
)
