"""How much memory a recipe will need, roughly, before any of it is taken: absurd sizes are refused by number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Play
from gantk.interfaces.optional_members import member
from gantk.messages import byte_size
from gantk.randomness import Streams
from gantk.spec import DataSpec
from gantk.training.groups import build_optimizer
from gantk.training.settings import keeps_average
from gantk.training.state import trainable_parameters

MOST_PARAMETERS = 10_000
"""Tensors that a net may register: building even empty ones takes time, and far more than any net in use has."""


@dataclass(frozen=True)
class Estimate:
    """Bytes that a run needs on its device.

    Args:
        weights: nets, loss and moving average.
        training: gradients, and what the optimisers of the recipe keep.
        data: the training split, where it is resident.
        batch: what one update keeps for its backward pass, and the gradients of that, roughly; None where it could not
            be found out.
        samples: the real and fake samples of a batch, or those that a metric or picture draws at a time.
    """

    weights: int
    training: int
    data: int
    batch: int | None
    samples: int

    @property
    def least(self) -> int:
        """What the run cannot do without."""
        return self.weights + self.training + self.data + self.samples

    @property
    def total(self) -> int:
        """All of it, roughly; training and drawing samples take turns."""
        return self.weights + self.training + self.data + max(self.batch or 0, self.samples)

    @property
    def reasons(self) -> str:
        """The parts of it in words."""
        batch = "unknown" if self.batch is None else byte_size(self.batch)
        return (
            f"weights {byte_size(self.weights)}, gradients and optimisers {byte_size(self.training)}, data "
            f"{byte_size(self.data)}, a batch {batch}, samples {byte_size(self.samples)}"
        )


@contextmanager
def within_memory(limit: int | None) -> Iterator[None]:
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
                f"the weights of the nets alone need {byte_size(size)} or more (a {type(module).__name__} layer has "
                f"{name} of shape {tuple(parameter.shape)}), and this machine has {byte_size(limit)} of memory: is a "
                "width, a depth or a latent far too large?"
            )

    class Unfilled(TorchFunctionMode):
        """There is nothing to draw, to fill or to scale; trying would import torch's compiler, which takes seconds."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = dict(kwargs or {})
            if function in drawing:
                kwargs.pop("generator", None)
                return torch.empty(*args, **kwargs)
            first = args[0] if args else kwargs.get("tensor")
            if isinstance(first, torch.Tensor) and first.is_meta:
                if function in filling or getattr(function, "__module__", None) == torch.nn.init.__name__:
                    return first
                scales = function in scaling and len(args) > 1 and isinstance(args[1], float)
                if scales and first.is_floating_point() and not first.requires_grad:
                    return torch.empty(first.shape, dtype=first.dtype)
            return function(*args, **kwargs)

    filling = (torch.Tensor.normal_, torch.Tensor.uniform_)
    scaling = (torch.Tensor.div, torch.Tensor.__truediv__, torch.Tensor.mul, torch.Tensor.__mul__)
    drawing = (torch.randn, torch.rand)
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


def numbers_kept(block: Mapping[str, Any]) -> int:
    """How many numbers the optimiser of a recipe's block keeps for each weight: two for Adam, none for plain SGD."""
    weight = nn.Parameter(torch.ones(3))
    optimizer = build_optimizer(block, [weight])
    weight.grad = torch.ones(3)
    optimizer.step()
    return sum(isinstance(each, Tensor) and each.shape == weight.shape for each in optimizer.state[weight].values())


def estimate(
    values: Mapping[str, Any], spec: Any, nets: Any, data_bytes: int | None = None, quick: bool = False
) -> Estimate:
    """What training a resolved recipe needs.

    Args:
        values: the recipe.
        spec: the DataSpec of its data.
        nets: generator, critic (None where there is none) and loss, on the meta device.
        data_bytes: what the resident training split takes; None: it is read as it is needed.
        quick: leaves out what a batch keeps for its backward pass.
    """
    generator, critic, loss = nets
    modules = [module for module in nets if module is not None]
    tensors = [each for module in modules for each in (*module.parameters(), *module.buffers())]
    weights = sum(each.numel() * each.element_size() for each in {id(each): each for each in tensors}.values())
    if generator is not None and keeps_average(values["train"]):
        weights += sum(each.numel() * each.element_size() for each in generator.parameters())
    training = 0
    for net, optimizer, trained in (
        (generator, "generator_optimizer", trainable_parameters(generator, loss, "with_generator")),
        (critic, "critic_optimizer", trainable_parameters(critic, loss, "with_critic")),
    ):
        if net is not None:
            own = {id(each): each for each in trained}.values()
            training += (1 + numbers_kept(values["play"][optimizer])) * sum(e.numel() * e.element_size() for e in own)
    shown = [values["train"]["samples"], *(entry.get("samples") for entry in values["evaluate"])]
    drawn = max((each for each in shown if isinstance(each, int)), default=0) if generator is not None else 0
    one = 4 * prod(spec.shape)
    batch = None if quick else _kept_for_backward(generator, critic, loss, spec, values["train"]["batch"])
    given = bytes_of_batch(values, spec)
    together = None if batch is None else batch + given
    return Estimate(weights, training, data_bytes or 0, together, max(drawn * one, given))


def bytes_of_batch(values: Mapping[str, Any], spec: Any) -> int:
    """What the real and the fake samples of a batch take.

    Args:
        values: the recipe.
        spec: the DataSpec of its data.
    """
    return 2 * values["train"]["batch"] * 4 * prod(spec.shape)


def _kept_for_backward(generator: Any, critic: Any, loss: Any, spec: Any, batch: int) -> int | None:
    """Bytes that the larger update takes at its peak, found by playing it without memory; None: unknown."""
    import torch

    known = {each.untyped_storage()._cdata for net in (generator, critic, loss) if net for each in net.parameters()}
    most = 0
    sides: list[tuple[Any, Any, Any]] = [
        ("critic", critic, loss.critic_loss),
        ("generator", generator, loss.generator_loss),
    ]
    for side, net, terms in sides:
        if net is None:
            continue
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


class ShadowStreams(Streams):
    """Streams of shapes: nothing is drawn. Tensors are made on torch's default device.

    Args:
        side: whose update.
    """

    def __init__(self, side: str):
        super().__init__(0, side, 0, 0, torch.device("cpu"))  # the CPU: what a loss may ask for its type

    def rng(self, purpose: str) -> torch.Generator:
        """Nothing is drawn."""
        return torch.Generator("cpu")

    def uniform(self, shape: tuple[int, ...], purpose: str, per_sample: bool) -> Tensor:
        """A shape."""
        return torch.empty(shape)

    def normal(self, shape: tuple[int, ...], purpose: str, per_sample: bool) -> Tensor:
        """A shape."""
        return torch.empty(shape)


class ShadowPlay(Play):
    """What a loss sees of an update, of nets on the meta device.

    Args:
        side: whose update.
        generator: on the meta device, or None.
        critic: on the meta device, or None.
        spec: the DataSpec of a sample.
        batch: samples in a batch.
    """

    def __init__(
        self,
        side: Literal["critic", "generator"],
        generator: nn.Module | None,
        critic: nn.Module | None,
        spec: DataSpec,
        batch: int,
    ):
        def fetch() -> Batch:
            return Batch(
                torch.empty((batch, *spec.shape)),
                torch.empty(batch, dtype=torch.int64) if spec.classes else None,
                None if spec.condition_shape is None else torch.empty((batch, *spec.condition_shape)),
            )

        super().__init__(side, generator, critic, spec, fetch, ShadowStreams(side), batch=batch)

    @cached_property
    def latent(self) -> Tensor | None:
        """A shape, or None where the generator takes no latent."""
        shape = member(self.generator, "latent_shape")
        return None if shape is None else torch.empty((self.batch, *shape))
