"""What a GAN is made of: Dataset, Generator, Critic, Loss; and around it Metric, View, Format, Objective, Callback.

Generators and critics are plain `torch.nn.Module`s with the right methods: no base class. What a component is built
from stands in its signature: left of `*` what gantk supplies by name (`spec` for nets and views, `split` for data
sets, `parameters` for optimisers), right of `*` what the recipe supplies.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec

if TYPE_CHECKING:
    from PIL import Image

    from gantk.play import Play

SPLITS = ("train", "validation", "test")


@dataclass
class Batch:
    """Some samples and what belongs to them, all with the same first axis.

    Args:
        samples: (B, *spec.shape), floating, within spec.range.
        labels: (B,) integers that index spec.classes, or None.
        condition: (B, *spec.condition_shape), what a generator is given besides the latent, or None.
        truth: facts for metrics only, (B, …) each; nets never see them.
    """

    samples: Tensor
    labels: Tensor | None = None
    condition: Tensor | None = None
    truth: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, chosen: slice | Tensor) -> Batch:
        def pick(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor[chosen]

        return Batch(
            self.samples[chosen],
            pick(self.labels),
            pick(self.condition),
            {name: values[chosen] for name, values in self.truth.items()},
        )

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on `device`."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        return Batch(
            self.samples.to(device, non_blocking=True),
            move(self.labels),
            move(self.condition),
            {name: values.to(device) for name, values in self.truth.items()},
        )


@dataclass
class Samples(Batch):
    """A batch that knows what it is: what metrics, views and formats work on.

    Args:
        spec: the DataSpec of the samples.
        attributes: JSON values that say where they come from: `origin` ("real", "simulated", "generated"), `step`,
            `latent_seed`, `model` (digest of the checkpoint), …
    """

    spec: DataSpec = None  # type: ignore[assignment]  # always given; dataclass fields behind defaults need one
    attributes: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, chosen: slice | Tensor) -> Samples:
        part = Batch.__getitem__(self, chosen)
        return replace(self, samples=part.samples, labels=part.labels, condition=part.condition, truth=part.truth)


class Dataset(Protocol):
    """Real samples. Built as `Component(split, *, …)` once for each of "train", "validation", "test".

    The `rng` of `batch` lives on the device of the data; every random choice (flips, crops) comes from it alone, so
    that a run can be repeated. Metrics and fixed pictures pass `rng=None`: then the samples come as they are.
    A plain map-style torch dataset (`__getitem__`, `__len__`) with a `spec` is also taken, and wrapped. Data that are
    judged in another form than they are trained in also define `judged` and `as_judged` (see gantk/judged.py).
    """

    spec: DataSpec

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> Dataset:
        """The same data, resident on `device` where that makes sense."""
        ...

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The samples of `indices`, an int64 tensor of shape (B,) on the CPU."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Latent to samples: an `nn.Module` built as `Component(spec, *, …)`.

    `forward(latent, …)` returns (B, *spec.shape) within spec.range. It may also declare `labels` and `condition`, and
    is then given them by name. `latent_shape` is the shape of one latent, drawn from N(0, 1), or None where there is
    no latent; a generator with another prior defines `draw_latent(n, rng) -> Tensor` instead. A generator may also
    define `present(samples: Samples) -> Samples`: how `gantk sample` writes what it made, where that is not how the
    critic saw it (a star-shaped net writes one stack of channels for K pairs); and `latent_parts: dict[str, slice]`,
    parts of the latent that commands may hold fixed while others vary ({"red": slice(0, 50), …}).
    """

    latent_shape: tuple[int, ...] | None

    def __call__(self, latent: Tensor) -> Tensor: ...


@runtime_checkable
class Critic(Protocol):
    """Samples to scores, high for real: an `nn.Module` built as `Component(spec, *, …)`.

    `forward(samples, …)` returns raw scores (no sigmoid), (B, *spec.units) or (B, *spec.units, *patches). It may
    also declare `labels`, `condition` and `latent`. Where a loss needs features, a critic is
    `head(features(samples))`, with features of shape (B, *spec.units, F). A critic whose slopes cannot be
    differentiated once more, as gradient penalties do, says so by `second_order = False`; one in which the samples of
    a batch see each other otherwise than by batch normalisation, by `batch_statistics = True`.
    """

    def __call__(self, samples: Tensor) -> Tensor: ...


class Loss(nn.Module):
    """How the two nets are scored against each other. Losses are functions of nets and batches to scalars.

    Each of `critic_loss` and `generator_loss` returns named scalars; their sum is minimised and each is logged.
    Terms are averaged over the batch and summed over units (`play.mean` does both), so that each tower of a critic
    with units trains as it would alone. Submodules named `with_critic` or `with_generator` are trained, and frozen,
    with that side.
    """

    cross_sample = False
    """True where the samples of a batch see each other; real and fake then never share a forward pass."""

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets, perhaps wrapped; called before optimisers, EMA and loading, possibly on the meta device.

        Raises:
            DoesNotFit: these nets cannot be trained by this loss; the message says why and what to change.
        """
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Named scalars whose sum the critic minimises."""
        raise NotImplementedError

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Named scalars whose sum the generator minimises."""
        raise NotImplementedError

    def critic_steps(self, step: int, usual: int) -> int:
        """How many critic updates this step has, given the recipe's `play.critic_steps`: a pure function (warm-ups)."""
        return usual

    def after_critic_step(self, play: Play) -> None:
        """Called after each critic update (weight clipping)."""

    def after_step(self, play: Play) -> None:
        """Called after the generator's update (a balance term)."""

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """What the recipe's `play` block is where it says nothing, given this loss's own parameters.

        Returns:
            any of `critic_steps`, `generator_steps`, `generator_optimizer`, `critic_optimizer`, as a recipe would
            write them: {"critic_steps": 5, "critic_optimizer": {"use": "basics/adam", "lr": 1e-4}}.
        """
        return {}


@dataclass(frozen=True)
class Value:
    """One number that a metric found, and how to read it.

    Args:
        value: the number.
        better: "higher", "lower", "near" (near `reference` is best), or None where there is no better.
        reference: what real data give for the same number, or what chance gives; None where there is none.
        note: a few words beside it in the table: "real test", "expected by chance".
    """

    value: float
    better: Literal["higher", "lower", "near"] | None = None
    reference: float | None = None
    note: str = ""


class Metric(Protocol):
    """Generated against real: built as `Component(*, …)`.

    `samples` is how many generated samples it wants. `compute` returns numbers by name, in the order to print them;
    `rng` (CPU) is its only source of randomness. `nets` holds "generator" and "critic" where there are any.
    A metric may define `summary(values) -> str`, one readable line printed above its numbers, and `costly = True` where
    it takes minutes, so that it is computed only where somebody names it.
    """

    samples: int

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]: ...


class View(Protocol):
    """Samples to pictures: built as `Component(spec, *, …)`.

    `draw` gives one picture of all `samples`; `real`, where given, may be drawn beside or behind them. `caption` is
    printed in the picture. A view may also define `pictures(samples, caption) -> dict[str, Image]`: more pictures by
    a name fit for a file (one per protein, say), and `text(samples) -> rich.text.Text`, for `gantk view --text`.
    """

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image: ...


class Format(Protocol):
    """File to samples and back, chosen by the file's ending; built as `Component(*, …)`."""

    endings: Sequence[str]

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples with their names and attributes to `path` (its ending is one of `endings`)."""
        ...

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote. Raises FileError where it cannot."""
        ...


class Objective(Protocol):
    """What designed samples are to have much of: built as `Component(spec, *, …)` by a command that designs.

    `differentiable` says whether gradients flow to soft samples. A command may supply more by name: scored `data` to
    learn from, a `seed`.
    """

    differentiable: bool

    def __call__(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores (B,), high for much of it."""
        ...


class Callback:
    """Told what happens during a run; never changes it. Built as `Component(*, …)`. Override what you need."""

    def on_start(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        """Training begins or resumes in the run folder `folder`."""

    def on_log(self, step: int, values: Mapping[str, float]) -> None:
        """The terms of a step, and whatever else was measured then, are known."""

    def on_picture(self, step: int, name: str, picture: Image.Image) -> None:
        """A sample picture was drawn."""

    def on_end(self, folder: Path) -> None:
        """Training ended, or was interrupted."""


@lru_cache(maxsize=256)
def _declared(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


def declares(net: nn.Module, name: str) -> bool:
    """Whether the net's `forward` declares an input called `name` (labels, condition, latent).

    A net that only passes its inputs on to another one names that as `passes_on_to`.
    """
    inner: Any = getattr(net, "passes_on_to", None)
    return name in _declared(type(net).forward) if inner is None else declares(inner, name)


def call(net: nn.Module, first: Tensor | None, **available: Tensor | None) -> Tensor:
    """Calls `net(first, …)` with those of `available` that its forward declares by name."""
    return net(first, **{name: value for name, value in available.items() if declares(net, name)})


def draw_latent(generator: nn.Module, n: int, rng: torch.Generator) -> Tensor | None:
    """n latents of this generator, on the device of `rng`: its own `draw_latent`, else N(0, 1) of `latent_shape`."""
    own: Any = getattr(generator, "draw_latent", None)
    if own is not None:
        return own(n, rng)
    shape: Any = generator.latent_shape
    return None if shape is None else torch.randn((n, *shape), generator=rng, device=rng.device)


def has_batch_statistics(net: nn.Module) -> bool:
    """Whether a batch's samples influence each other in this net: batch normalisation, or `batch_statistics = True`."""
    return any(
        isinstance(module, nn.modules.batchnorm._BatchNorm) or getattr(module, "batch_statistics", False)
        for module in net.modules()
    )


def has_second_order(net: nn.Module) -> bool:
    """Whether slopes of this net can be differentiated once more; one that cannot says `second_order = False`."""
    return all(getattr(module, "second_order", True) for module in net.modules())


def feature_count(critic: nn.Module, spec: DataSpec) -> int:
    """F of `critic.features`, found by looking at one sample of zeros.

    Raises:
        DoesNotFit: the critic has no `features` method.
    """
    if not hasattr(critic, "features"):
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
