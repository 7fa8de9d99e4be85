"""Loss: how generator and critic are scored against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from gantk.plugin import interface
from gantk.spec import DataSpec

if TYPE_CHECKING:
    from gantk.interfaces.play import Play


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
