"""Convolutions, gradients of gradients and gradient norms, for penalties."""

from typing import TYPE_CHECKING

from gantk.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from gantk.autograd.convolutions import upsampling
    from gantk.autograd.gradient_norms import leaf, slopes_of_units
    from gantk.autograd.second_order import SecondOrder

__all__ = [
    "SecondOrder",
    "leaf",
    "slopes_of_units",
    "upsampling",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "convolutions": ["upsampling"],
        "gradient_norms": ["leaf", "slopes_of_units"],
        "second_order": ["SecondOrder"],
    },
)
