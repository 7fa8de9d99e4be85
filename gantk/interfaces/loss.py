"""Loss: how generator and critic are scored against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

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
    then the moving average, `gantk.load` and metrics have it. A loss that defines `generator_loss` alone trains without
    a critic (`critic: null`), one that defines `critic_loss` alone without a generator.
    """

    cross_sample = False
    """True where the samples of a batch see each other; real and fake then never share a forward pass."""

    def trains(self, side: Literal["critic", "generator"]) -> bool:
        """Whether it has terms for this side; a recipe names the nets of the sides that its loss trains, no others."""
        own, base = (getattr(each, f"{side}_loss") for each in (type(self), Loss))
        return own is not base

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """Both nets, perhaps wrapped; called before optimisers, EMA and loading, possibly on the meta device.

        Args:
            generator: as the recipe names it, or None.
            critic: as the recipe names it, an `nn.Module`; None for a loss that trains no critic.
            spec: what one sample is.

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

    def indifferent(self) -> Mapping[str, float]:
        """The critic's terms that compare real with fake, to their values of one unit at the best constant score.

        A critic that is right in an update has a smaller sum of them. Penalties are not among them; empty where
        nothing can be said.
        """
        return {}

    def neutral_score(self) -> float | None:
        """The score of a sample that is as likely real as generated; None: scores may all move alike, or unknown."""
        return None

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


class LossWrapper(Loss):
    """A loss around another one. It does what that one does; a subclass overrides what it changes.

    Where a recipe says nothing of `play`, the inner loss's `play_defaults` hold. What the inner loss trains itself
    stands in `with_critic` and `with_generator` of this one, too, once `prepare` has been called; a subclass that
    trains layers of its own joins the two in an `nn.ModuleList`.

    Args:
        loss: the inner loss, a parameter of the subclass, which recipes write as a nested `use:`.
    """

    def __init__(self, loss: Loss):
        super().__init__()
        self.loss = loss
        self.cross_sample = loss.cross_sample or type(self).cross_sample

    def trains(self, side: Literal["critic", "generator"]) -> bool:
        """Whether the inner loss has terms for this side."""
        return self.loss.trains(side)

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """As the inner loss prepares them; a subclass that wraps a net gives it to `super().prepare`."""
        prepared = self.loss.prepare(generator, critic, spec)
        for side in ("with_critic", "with_generator"):
            if getattr(self.loss, side, None) is not None:
                setattr(self, side, getattr(self.loss, side))
        return prepared

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Those of the inner loss."""
        return self.loss.critic_loss(play)

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Those of the inner loss."""
        return self.loss.generator_loss(play)

    def indifferent(self) -> Mapping[str, float]:
        """Those of the inner loss."""
        return self.loss.indifferent()

    def neutral_score(self) -> float | None:
        """That of the inner loss."""
        return self.loss.neutral_score()

    def critic_steps(self, step: int, usual: int) -> int:
        """As the inner loss has it."""
        return self.loss.critic_steps(step, usual)

    def after_critic_step(self, play: Play) -> None:
        """What the inner loss does."""
        self.loss.after_critic_step(play)

    def after_step(self, play: Play) -> None:
        """What the inner loss does."""
        self.loss.after_step(play)


def adam_defaults(lr: float, betas: tuple[float, float], critic_steps: int = 1) -> dict[str, Any]:
    """What `play_defaults` returns where both nets have the same Adam.

    Args:
        lr: learning rate.
        betas: decay rates of the first and second moment.
        critic_steps: critic updates in a step.
    """
    optimizer = {"use": "basics/adam", "lr": lr, "betas": list(betas)}
    return {
        "critic_steps": critic_steps,
        "generator_optimizer": dict(optimizer),
        "critic_optimizer": dict(optimizer),
    }
