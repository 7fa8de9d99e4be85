"""Generator and Critic: how nets are called, and what they may declare."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces.optional_members import has_member, member
from gantk.plugin import interface
from gantk.spec import DataSpec


@lru_cache(maxsize=256)
def _declared(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


def declares(net: nn.Module, name: str) -> bool:
    """Whether the net's `forward` declares an input called `name` (labels, condition, latent).

    A net that only passes its inputs on to another one names that as `passes_on_to`. One whose labels are a choice, and
    that was built without, says `takes_labels = False`.
    """
    inner = inner_net(net)
    return name in _declared(type(inner).forward) and (name != "labels" or member(inner, "takes_labels"))


def inner_net(net: nn.Module) -> nn.Module:
    """The net inside that labels, condition and latent are for: that of `passes_on_to`, as far as that goes."""
    inner: Any = member(net, "passes_on_to")
    return net if inner is None else inner_net(inner)


def call(net: nn.Module, first: Tensor | None, **available: Any) -> Tensor:
    """Calls `net(first, …)` with those of `available` that its forward declares."""
    return net(first, **{name: value for name, value in available.items() if declares(net, name)})


def draw_latent(generator: nn.Module, n: int, rng: torch.Generator) -> Tensor | None:
    """n latents of this generator, on the device of `rng`: its own `draw_latent`, else N(0, 1) of `latent_shape`."""
    own: Any = member(generator, "draw_latent")
    if own is not None:
        return own(n, rng)
    shape: Any = generator.latent_shape
    return None if shape is None else torch.randn((n, *shape), generator=rng, device=rng.device)


def call_encode(generator: nn.Module, samples: Tensor, labels: Tensor | None = None) -> Tensor:
    """The latents that a generator's own `encode` finds for samples: (B, *latent_shape).

    Args:
        generator: has `encode`.
        samples: (B, *spec.shape).
        labels: (B,), handed on where `encode` declares them.
    """
    own: Any = member(generator, "encode")
    return own(samples, labels=labels) if takes_encoded_labels(generator) else own(samples)


def takes_encoded_labels(generator: nn.Module) -> bool:
    """Whether a generator's `encode` is told the labels of the samples."""
    return "labels" in inspect.signature(member(generator, "encode")).parameters


@runtime_checkable
class StepListener(Protocol):
    """A net or loss, or a part of one, that changes with the training step: a temperature, a lazy penalty."""

    def at_step(self, step: int) -> None:
        """Called once before each step, from 0; what it sets depends on `step` alone."""
        ...


def step_listeners(*modules: nn.Module | None) -> list[StepListener]:
    """The modules among these and their submodules that are told of each step, each once."""
    inner = {id(each): each for module in modules if module is not None for each in module.modules()}
    return [each for each in inner.values() if isinstance(each, StepListener)]


def has_batch_statistics(net: nn.Module) -> bool:
    """Whether a batch's samples influence each other in this net: batch normalisation, or `batch_statistics = True`."""
    return any(
        isinstance(module, nn.modules.batchnorm._BatchNorm) or member(module, "batch_statistics")
        for module in net.modules()
    )


def has_second_order(net: nn.Module) -> bool:
    """Whether gradients of this net can be differentiated once more; one that cannot says `second_order = False`."""
    return all(member(module, "second_order") for module in net.modules())


def require_second_order(critic: nn.Module, penalty: str, otherwise: str) -> None:
    """What a loss with a gradient penalty asks of a critic in `prepare`.

    Args:
        critic: as the loss is given it.
        penalty: what messages call the penalty: "the gradient penalty of basics/wgan_gp".
        otherwise: what to choose instead: "another loss, such as basics/wgan".

    Raises:
        DoesNotFit: the critic says that its gradients cannot be differentiated once more.
    """
    if not has_second_order(critic):
        raise DoesNotFit(
            f"{penalty} differentiates gradients, which this critic says it cannot (second_order = False): "
            f"choose another critic, or {otherwise}"
        )


def feature_count(critic: nn.Module, spec: DataSpec) -> int:
    """F of `critic.features`, found by looking at one sample of zeros.

    Raises:
        DoesNotFit: the critic has no `features` method.
    """
    if not has_member(critic, "features"):
        raise DoesNotFit(
            f"{type(critic).__name__} has no `features` method, which this loss needs; choose a critic written as "
            "head(features(samples))"
        )
    at = next(critic.parameters())
    was_training = critic.training
    critic.eval()  # a batch of one has no batch statistics
    with torch.no_grad():
        features: Any = critic.features
        count = features(torch.zeros((1, *spec.shape), device=at.device, dtype=at.dtype)).shape[-1]
    critic.train(was_training)
    return count


@interface("generator")
@runtime_checkable
class Generator(Protocol):
    """Latent to samples: an `nn.Module` built as `Component(spec, *, …)`.

    `forward(latent, …)` returns (B, *spec.shape) within spec.range. It may also declare `labels` and `condition`, and
    is then given them by name; what it declares right of `*`, with a default, is a parameter of sampling, which
    `gantk sample --set KEY=VALUE` sets. `latent_shape` is the shape of one latent, drawn from N(0, 1), or None where
    there is no latent; a generator with another prior defines `draw_latent(n, rng) -> Tensor` instead. A generator may
    also define `present(samples: Samples) -> Samples`: how `gantk sample` writes what it made, where that is not how
    the critic saw it (a star-shaped net writes one stack of channels for K pairs); and
    `latent_parts: dict[str, slice]`, parts of the latent that commands may hold fixed while others vary
    ({"red": slice(0, 50), …}).
    """

    latent_shape: tuple[int, ...] | None

    def __call__(self, latent: Tensor) -> Tensor: ...


@interface("critic")
@runtime_checkable
class Critic(Protocol):
    """Samples to scores, high for real: an `nn.Module` built as `Component(spec, *, …)`.

    `forward(samples, …)` returns raw scores (no sigmoid), (B, *spec.units) or (B, *spec.units, *patches). It may
    also declare `labels`, `condition` and `latent`. Where a loss needs features, a critic is
    `head(features(samples))`, with features of shape (B, *spec.units, F). A critic whose gradients cannot be
    differentiated once more, as gradient penalties do, says so by `second_order = False`; one in which the samples of
    a batch see each other otherwise than by batch normalisation, by `batch_statistics = True`.
    """

    def __call__(self, samples: Tensor) -> Tensor: ...


class GeneratorWrapper(nn.Module):
    """A generator whose samples are transformed; the wrapper has no weights of its own.

    Args:
        generator: what makes samples.
        form: what is done to a batch of them.
    """

    def __init__(self, generator: nn.Module, form: Callable[[Tensor], Tensor]):
        super().__init__()
        self.generator = generator
        self.form = form
        self.latent_shape: Any = member(generator, "latent_shape")
        self.latent_parts: Any = member(generator, "latent_parts")

    @property
    def passes_on_to(self) -> nn.Module:
        """The net that the labels and the condition are for."""
        return self.generator

    def draw_latent(self, n: int, rng: torch.Generator) -> Tensor | None:
        """n latents as the generator draws them."""
        return draw_latent(self.generator, n, rng)

    def forward(
        self, latent: Tensor | None, labels: Tensor | None = None, condition: Tensor | None = None, **settings: Any
    ) -> Tensor:
        """Samples from these latents, given the labels, the condition and the settings that the generator takes."""
        return self.form(call(self.generator, latent, labels=labels, condition=condition, **settings))


def into_range(raw: Tensor, spec: DataSpec, curve: Literal["tanh", "sigmoid"] | None = None) -> Tensor:
    """Raw outputs squashed to what `spec` allows.

    Numbers stay as they are where there is no range.

    Args:
        raw: (B, *spec.shape).
        spec: what one sample is.
        curve: "tanh" or "sigmoid" (the logistic function), scaled to the range. None: softmax over the channels of
            categorical data; otherwise tanh for the range (-1, 1), and the logistic function for others.
    """
    if curve is None and spec.categorical:
        return raw.softmax(dim=1 + spec.unit_axes)
    if spec.range is None:
        return raw
    low, high = spec.range
    if curve == "sigmoid" or (curve is None and spec.range != (-1.0, 1.0)):
        return scale_to_range(raw.sigmoid(), spec)
    return raw.tanh() if (low, high) == (-1.0, 1.0) else (high + low) / 2 + (high - low) / 2 * raw.tanh()


def scale_to_range(shares: Tensor, spec: DataSpec) -> Tensor:
    """Values from 0 … 1 scaled to `spec.range`; as they are where there is none.

    Args:
        shares: (B, *spec.shape).
        spec: what one sample is.
    """
    low, high = spec.range or (0.0, 1.0)
    return shares if (low, high) == (0.0, 1.0) else low + (high - low) * shares
