"""Stages of nets: what each layer makes of what it is given, found without computing a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gantk import machine
from gantk.components.construct import resolved_component
from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk.training import memory_estimate

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
BATCH = 2  # one sample alone has no batch statistics


@dataclass(frozen=True)
class Stage:
    """One layer at work.

    Args:
        net: "generator" or "critic".
        layer: its name within the net.
        kind: its class.
        given: shape of one sample of what it is given.
        made: the same of what it makes.
        arithmetic: of a convolution, how the size of an axis follows, one for each axis that differs.
        parameters: how many numbers it learns.
    """

    net: str
    layer: str
    kind: str
    given: tuple[int, ...]
    made: tuple[int, ...]
    arithmetic: str
    parameters: int


def stages_of(values: Mapping[str, Any], spec: DataSpec) -> list[Stage]:
    """The layers of a recipe's generator and critic, in the order in which they are called.

    A layer is a module without modules in it; what a net does by functions is not seen, but in the shapes.

    Args:
        values: the resolved recipe.
        spec: the DataSpec of its data.

    Raises:
        DoesNotFit: the nets cannot be built for these data, or look at numbers.
    """
    nets: dict[str, Any] = {}
    with memory_estimate.within_memory(machine.memory_limit("cpu")):
        for name in ("generator", "critic"):
            nets[name] = resolved_component(name, values[name], spec=spec) if values.get(name) else None
    found: list[Stage] = []
    handles = [
        module.register_forward_hook(partial(_note, found, name, layer))
        for name, net in nets.items()
        if net is not None
        for layer, module in net.named_modules()
        if not any(True for _ in module.children())
    ]
    play = memory_estimate.ShadowPlay("generator", nets["generator"], nets["critic"], spec, BATCH)
    try:
        with torch.device("meta"):
            samples = play.real if nets["generator"] is None else play.fake
            if nets["critic"] is not None:
                play.score(samples)
    except Exception as error:
        raise DoesNotFit(f"the stages cannot be found without numbers: {type(error).__name__}: {error}") from error
    finally:
        for handle in handles:
            handle.remove()
    return found


def _note(found: list[Stage], net: str, layer: str, module: nn.Module, given: tuple[Any, ...], made: Any) -> None:
    if not given or not isinstance(given[0], Tensor) or not isinstance(made, Tensor):
        return
    before, after = tuple(given[0].shape[1:]), tuple(made.shape[1:])
    parameters = sum(each.numel() for each in module.parameters())
    found.append(Stage(net, layer, type(module).__name__, before, after, arithmetic(module, before), parameters))


def arithmetic(layer: nn.Module, given: tuple[int, ...]) -> str:
    """How the size of each axis that a convolution makes follows from the one that it is given; "" for other layers.

    Convolution: ⌊(i + 2p - k) / s⌋ + 1; transposed: (i - 1)·s - 2p + k, and the output padding (Dumoulin & Visin
    2016, relations 6 and 14); k is the kernel's extent, d·(k - 1) + 1 under a dilation d.

    Args:
        layer: any.
        given: (channels, *sizes), without the batch.
    """
    transposed = isinstance(layer, TRANSPOSED)
    if not isinstance(layer, (*CONVOLUTIONS, *TRANSPOSED)) or isinstance(layer.padding, str):
        return ""
    told = []
    for axis, size in enumerate(given[1:]):
        stride, padding = int(layer.stride[axis]), int(layer.padding[axis])
        kernel = layer.dilation[axis] * (layer.kernel_size[axis] - 1) + 1
        if transposed:
            more = int(layer.output_padding[axis])
            made = (size - 1) * stride - 2 * padding + kernel + more
            told.append(f"({size} - 1)·{stride} - 2·{padding} + {kernel}{f' + {more}' if more else ''} = {made}")
        else:
            made = (size + 2 * padding - kernel) // stride + 1
            told.append(f"({size} + 2·{padding} - {kernel}) / {stride} + 1 = {made}")
    return ", ".join(dict.fromkeys(told))
