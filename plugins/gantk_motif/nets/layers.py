"""What the nets for strings share: the form of a sample, and the step from scores to hard letters."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import one_hot

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec


def string_shape(spec: DataSpec, net: str) -> tuple[int, int]:
    """(C, L) of the strings that a net is built for.

    Args:
        spec: what one sample is.
        net: full name of the net, for the message.

    Raises:
        DoesNotFit: samples are not of the form (channels, length).
    """
    if spec.unit_axes or len(spec.shape) != 2:
        raise DoesNotFit(
            f"{net} is for strings (channel, position), but these samples are {' x '.join(map(str, spec.shape))} "
            f"({', '.join(spec.axes)}); basics/mlp takes samples of any shape"
        )
    return spec.shape[0], spec.shape[1]


def bits_shape(spec: DataSpec, net: str) -> tuple[int, int]:
    """(C, L) of the strings that a generator makes: the same, but each channel is a number of its own.

    Args:
        spec: what one sample is.
        net: full name of the net, for the message.

    Raises:
        DoesNotFit: the channels of a position exclude each other (letters of DNA).
    """
    if spec.categorical:
        raise DoesNotFit(
            f"{net} makes each channel by itself, but in these data the channels of a position exclude each other "
            "(categorical); use basics/mlp, or a generator of the plugin dna"
        )
    return string_shape(spec, net)


def same_padding(kernel: int, net: str) -> int:
    """How many letters to pad on each side so that a string keeps its length under an odd kernel.

    Args:
        kernel: letters that one kernel spans.
        net: full name of the net, for the message.

    Raises:
        DoesNotFit: the kernel is even.
    """
    if kernel % 2 == 0:
        raise DoesNotFit(f"{net} needs an odd kernel, not {kernel}; write kernel: {kernel + 1}")
    return kernel // 2


def out_of_range(samples: Tensor, spec: DataSpec) -> Tensor:
    """Samples scaled from the range of the data to -1 … 1, which is what the first layer of a critic likes."""
    low, high = spec.range or (0.0, 1.0)
    return (samples - (low + high) / 2) * (2 / (high - low))


def hard_bit(logits: Tensor) -> Tensor:
    """1 where a logit is positive, else 0; backward, the gradient of the logistic function goes straight through.

    Bengio et al. 2013, section 4. A critic then never sees values between 0 and 1, by which it could tell fakes.
    """
    soft = logits.sigmoid()
    return (logits > 0).to(soft.dtype) + soft - soft.detach()


def hard_choice(logits: Tensor) -> Tensor:
    """One-hot of the largest logit along the last axis; backward, the gradient of softmax goes straight through."""
    soft = logits.softmax(-1)
    return one_hot(logits.argmax(-1), logits.shape[-1]).to(soft.dtype) + soft - soft.detach()
