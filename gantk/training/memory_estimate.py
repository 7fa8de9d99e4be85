"""How much memory a recipe will need, roughly, before any of it is taken: absurd sizes are refused by number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from gantk.errors import DoesNotFit

MOST_PARAMETERS = 10_000
"""Tensors that a net may register: building even empty ones takes time, and far more than any net in use has."""

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Estimate:
    """Bytes that a run needs on its device.

    Args:
        weights: nets, loss and moving average.
        training: gradients and what the optimisers keep (taken as two numbers a weight, as of Adam).
        batch: what one update keeps for its backward pass, and the gradients of that; None where it could not be found
            out.
        samples: those that pictures and metrics draw at a time.
    """

    weights: int
    training: int
    batch: int | None
    samples: int

    @property
    def total(self) -> int:
        """All of it; training and drawing samples take turns."""
        return self.weights + self.training + max(self.batch or 0, self.samples)

    @property
    def reasons(self) -> str:
        """The parts of it in words."""
        batch = "unknown" if self.batch is None else in_words(self.batch)
        return (
            f"weights {in_words(self.weights)}, gradients and optimisers {in_words(self.training)}, a batch {batch}, "
            f"samples {in_words(self.samples)}"
        )


def in_words(size: int) -> str:
    """Bytes with a unit: "3.2 GB"."""
    for unit, power in (("EB", 18), ("PB", 15), ("TB", 12), ("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:,.3g} {unit}" if size < 1000 * 10**power else f"{size / 10**power:,.0f} {unit}"
    return f"{size} bytes"


def there_is(device: Any = "cpu") -> int | None:
    """Bytes of memory that this process may have at most on a device; None where nobody says."""
    if str(device).startswith("cuda"):
        import torch

        return torch.cuda.get_device_properties(device).total_memory
    found = []
    with suppress(AttributeError, ValueError, OSError):  # Windows
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in CGROUP_LIMITS:  # a container's limit
        with suppress(OSError, ValueError):  # no such file, or "max"
            found.append(int(path.read_text()))
    return min(found, default=None)


def refuse_more_than_there_is(
    size: int, what: str, error: Callable[[str], Exception] = DoesNotFit, device: Any = "cpu"
) -> None:
    """Raises `error` where `what` would need more bytes than this machine has memory.

    Args:
        size: bytes.
        what: that needs them, for the message.
        error: makes the exception from the message.
        device: where they would be.
    """
    limit = there_is(device)
    if limit is not None and size > limit:
        raise error(f"{what} would need about {in_words(size)} of memory, and this machine has {in_words(limit)}")


@contextmanager
def counted(limit: int | None) -> Iterator[None]:
    """Refuses nets while they are built inside it (without memory), as soon as their weights exceed `limit` bytes.

    Raises:
        DoesNotFit: the nets are too large, or have far too many layers.
    """
    import torch
    from torch.nn.modules.module import register_module_parameter_registration_hook
    from torch.overrides import TorchFunctionMode

    numbers = size = 0

    def count(module: torch.nn.Module, name: str, parameter: torch.nn.Parameter | None) -> None:
        nonlocal numbers, size
        if parameter is None or isinstance(parameter, torch.nn.parameter.UninitializedParameter):
            return
        numbers, size = numbers + 1, size + parameter.numel() * parameter.element_size()
        if numbers > MOST_PARAMETERS:
            raise DoesNotFit(
                f"the nets have more than {MOST_PARAMETERS:,} parameter tensors: is a depth far too large?"
            )
        if limit is not None and size > limit:
            raise DoesNotFit(
                f"the weights of the nets alone need {in_words(size)} or more (a {type(module).__name__} layer has "
                f"{name} of shape {tuple(parameter.shape)}), and this machine has {in_words(limit)} of memory: is a "
                "width, a depth or a latent far too large?"
            )

    class Unfilled(TorchFunctionMode):
        """There is nothing to fill; trying would import torch's compiler, which takes seconds."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return args[0] if function in filling and args[0].is_meta else function(*args, **(kwargs or {}))

    filling = (torch.Tensor.normal_, torch.Tensor.uniform_)
    handle = register_module_parameter_registration_hook(count)
    try:
        with torch.device("meta"), Unfilled():
            yield
    except RuntimeError as error:
        if "overflow" in str(error).lower():
            raise DoesNotFit(
                "the nets are larger than any memory (more than 2⁶³ bytes): is a width, a depth or a latent far too "
                "large?"
            ) from error
        raise
    finally:
        handle.remove()


def estimate(values: Mapping[str, Any], spec: Any, nets: Any, quick: bool = False) -> Estimate:
    """What training a resolved recipe needs.

    Args:
        values: the recipe.
        spec: the DataSpec of its data.
        nets: generator (or None), critic and loss, on the meta device.
        quick: leaves out what a batch keeps for its backward pass.
    """
    generator, critic, loss = nets
    modules = [module for module in nets if module is not None]
    tensors = [each for module in modules for each in (*module.parameters(), *module.buffers())]
    trained = [each for module in modules for each in module.parameters() if each.requires_grad]
    weights = sum(each.numel() * each.element_size() for each in {id(each): each for each in tensors}.values())
    if generator is not None and values["train"]["ema"] is not None:
        weights += sum(each.numel() * each.element_size() for each in generator.parameters())
    training = 3 * sum(each.numel() * each.element_size() for each in {id(each): each for each in trained}.values())
    shown = [values["train"]["samples"], *(entry.get("samples") for entry in values["evaluate"])]
    drawn = max((each for each in shown if isinstance(each, int)), default=0) if generator is not None else 0
    one = 4 * prod(spec.shape)
    batch = None if quick else _kept_for_backward(generator, critic, loss, spec, values["train"]["batch"])
    given = 2 * values["train"]["batch"] * one  # real and fake samples
    return Estimate(weights, training, None if batch is None else batch + given, max(drawn * one, given))


def _kept_for_backward(generator: Any, critic: Any, loss: Any, spec: Any, batch: int) -> int | None:
    """Bytes that the larger update takes at its peak, found by playing it without memory; None: no idea."""
    import torch

    from gantk.shadow import ShadowPlay

    known = {each.untyped_storage()._cdata for net in (generator, critic, loss) if net for each in net.parameters()}
    most = 0
    sides: list[tuple[Any, Any]] = [("critic", loss.critic_loss)]
    if generator is not None:
        sides.append(("generator", loss.generator_loss))
    for side, terms in sides:
        kept: dict[int, torch.Tensor] = {}

        def keep(tensor: torch.Tensor, kept: dict[int, torch.Tensor] = kept) -> torch.Tensor:
            kept[tensor.untyped_storage()._cdata] = tensor
            return tensor

        try:
            with torch.device("meta"), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                terms(ShadowPlay(side, generator, critic, spec, batch))
        except Exception as error:  # nets and losses that look at numbers cannot be played without them
            if "overflow" in str(error).lower():
                return 2**63
            return None
        sizes = [each.untyped_storage().nbytes() for key, each in kept.items() if key not in known]
        most = max(most, 2 * sum(sizes))  # gradients of the same sizes pass by
    return most
