"""What is played: Dataset, Generator, Critic and the Loss that scores them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from gantk.interfaces.dataset import Batch
from gantk.plugin import interface
from gantk.spec import DataSpec

if TYPE_CHECKING:
    from gantk.interfaces.play import Play


@interface("dataset")
class Dataset(Protocol):
    """Real samples. Built as `Component(split, *, …)` once for each of "train", "validation", "test".

    The `rng` of `batch` lives on the device of the data; every random choice (flips, crops) comes from it alone, so
    that a run can be repeated. Metrics and fixed pictures pass `rng=None`: then the samples come as they are.
    A plain map-style torch dataset (`__getitem__`, `__len__`) with a `spec` is also taken, and wrapped. Data that are
    judged in another form than they are trained in also define `judged` and `as_judged` (see gantk/evaluation/representation.py).
    """

    spec: DataSpec

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> Dataset:
        """The same data, resident on `device` where that makes sense."""
        ...

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The samples of `indices`, an int64 tensor of shape (B,) on the CPU."""
        ...


@interface("generator")
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


@interface("critic")
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


@interface("loss")
class Loss(nn.Module):
    """How the two nets are scored against each other. Losses are functions of nets and batches to scalars.

    Each of `critic_loss` and `generator_loss` returns named scalars; their sum is minimised and each is logged, so a
    detached one is logged and trains nothing (a measure of convergence). State that must survive a checkpoint, such as
    a balance term, stands in buffers.
    Terms are averaged over the batch and summed over units (`play.mean` does both), so that each tower of a critic
    with units trains as it would alone. Submodules named `with_critic` or `with_generator` are trained, and frozen,
    with that side. A net that samples and metrics need too (an encoder) is better put round the generator by `prepare`:
    then the moving average, `gantk.load` and metrics have it.
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
