"""THE loop: one generator and one critic, played against each other. It reads top to bottom.

`train` is a Python generator that yields after every step; whoever drives it (session.py) draws pictures, evaluates and
writes checkpoints between steps, and may simply stop. All randomness is a function of (seed, step, update, purpose),
so that going on from a checkpoint is the run that never stopped, bit for bit on the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk import randomness
from gantk.data import Order
from gantk.interfaces import Batch, Dataset, Loss
from gantk.interfaces.play import Play, may_share_forward
from gantk.training.distributed.ranks import ALONE, Ranks
from gantk.training.engine import Eager


@dataclass
class State:
    """All that training changes, which is all that a checkpoint holds.

    Args:
        generator: the prepared generator, or None where only a critic is trained.
        critic: the prepared critic.
        loss: the loss; its submodules `with_generator` and `with_critic` belong to the sides.
        ema: the exponential moving average of the generator, or None.
        generator_optimizer: over `generator_side`; None where there is no generator.
        critic_optimizer: over `critic_side`.
        step: how many steps are done.
        restorations: one entry for each time that training diverged and went on from an earlier state: the `step` it
            went back to, where it `diverged_at`, the `cause`, the `rate` since then.
    """

    generator: nn.Module | None
    critic: nn.Module
    loss: Loss
    ema: nn.Module | None
    generator_optimizer: torch.optim.Optimizer | None
    critic_optimizer: torch.optim.Optimizer
    step: int = 0
    restorations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The factor on both learning rates: 1, and less after a restoration."""
        return self.restorations[-1]["rate"] if self.restorations else 1.0

    def sampled(self) -> nn.Module | None:
        """The generator that samples are drawn from: the average where there is one."""
        return self.ema if self.ema is not None else self.generator


def side(net: nn.Module | None, loss: Loss, name: Literal["with_generator", "with_critic"]) -> list[nn.Parameter]:
    """The parameters that train with one side: the net's own and those the loss adds, but not those frozen for good."""
    modules = [module for module in (net, getattr(loss, name, None)) if module is not None]
    return [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]


def average_of(generator: nn.Module) -> nn.Module:
    """A copy of the generator that will follow it as its moving average."""
    return deepcopy(generator).requires_grad_(False).eval()


def train(
    state: State,
    dataset: Dataset,
    *,
    seed: int,  # with (step, update, purpose) the source of all randomness
    steps: int,  # stop when state.step reaches this
    batch: int,  # samples a draw, over all ranks
    critic_steps: int = 1,  # critic updates a step; the loss may change it (warm-ups)
    generator_steps: int = 1,  # generator updates a step
    ema_decay: float | None = None,  # of the moving average, per step; None: no average is kept
    schedule: Literal["constant", "linear", "cosine", "tail"] = "constant",  # of both learning rates, over `steps`
    precision: Literal["float32", "bfloat16"] = "float32",
    clip_gradients: float | None = None,  # the norm to which the gradients of a side are scaled down; None: never
    engine: Eager | None = None,  # computes the gradients of an update; None: as torch does, in `precision`
    ranks: Ranks = ALONE,  # the processes that share each batch; what is drawn for it is drawn whole, then shared
    device: torch.device | str = "cpu",
) -> Iterator[dict[str, Tensor]]:
    """Trains from `state.step` to `steps`, yielding after each step its terms by name, as scalars on the device.

    Behind the terms of a side stands the norm of its gradients, `critic_grad_norm` and `generator_grad_norm`.
    """
    device, engine = torch.device(device), engine or Eager(precision)
    generator, critic, loss, spec = state.generator, state.critic, state.loss, dataset.spec
    generator_side, critic_side = side(generator, loss, "with_generator"), side(critic, loss, "with_critic")
    shared_forward = may_share_forward(critic, loss.cross_sample)
    expect: Callable[[Tensor], None] | None = getattr(dataset, "expect", None)  # data that are read ahead
    draws: bool = getattr(dataset, "draws", True)  # whether a batch is augmented, and so made whole before it is shared
    critic_order = Order(len(dataset), batch, seed, "critic")
    generator_order = Order(len(dataset), batch, seed, "generator")
    critic_draws = sum(loss.critic_steps(earlier, critic_steps) for earlier in range(state.step))
    generator_draws = state.step * generator_steps
    base_rates = [
        (group, group.setdefault("initial_lr", group["lr"]))
        for optimizer in (state.generator_optimizer, state.critic_optimizer)
        if optimizer is not None
        for group in optimizer.param_groups
    ]

    def play_of(which: Literal["critic", "generator"], step: int, update: int, order: Order, draw: int) -> Play:
        def indices(draw: int) -> Tensor:
            return order.draw(draw) if draws else ranks.share(order.draw(draw))

        def fetch() -> Batch:
            rng = randomness.generator(seed, f"{which}/augmentation", step, update, device)
            real = dataset.batch(indices(draw), rng).to(device)
            if expect is not None:
                expect(indices(draw + 1))
            return ranks.share(real) if draws else real

        return Play(
            which,
            generator,
            critic,
            spec,
            fetch,
            batch=ranks.share_of(batch),
            seed=seed,
            step=step,
            update=update,
            device=device,
            shared_forward=shared_forward,
            ranks=ranks,
        )

    def update_side(
        play: Play,
        terms_of: Callable[[Play], dict[str, Tensor]],
        optimizer: torch.optim.Optimizer,
        trained: list[nn.Parameter],
    ) -> dict[str, Tensor]:
        terms = engine.gradients(play, terms_of, trained)  # forward and backward
        terms = ranks.average_gradients(trained, terms)
        norm = gradient_norm(trained, clip_gradients)
        optimizer.step()
        return terms | {f"{play.side}_grad_norm": norm}

    for step in range(state.step, steps):
        randomness.seed_layers(randomness.derive(seed, ranks.own("layers"), step), device)  # for layers that draw
        buffers = ranks.keep_buffers(generator, critic, loss, state.ema)
        for group, base_rate in base_rates:
            group["lr"] = base_rate * rate_factor(schedule, step, steps) * state.rate
        for module in (generator, critic, loss):
            at_step: Callable[[int], None] | None = getattr(module, "at_step", None)
            if at_step is not None:
                at_step(step)
        terms: dict[str, Tensor] = {}

        # The critic's updates: real samples against fakes that carry no graph.
        set_training(critic_side, generator_side)
        for update in range(loss.critic_steps(step, critic_steps)):
            play = play_of("critic", step, update, critic_order, critic_draws)
            terms |= update_side(play, loss.critic_loss, state.critic_optimizer, critic_side)
            loss.after_critic_step(play)
            critic_draws += 1

        # The generator's updates: new fakes, through a critic that is frozen.
        if generator is not None and state.generator_optimizer is not None:
            set_training(generator_side, critic_side)
            for update in range(generator_steps):
                play = play_of("generator", step, update, generator_order, generator_draws)
                made = update_side(play, loss.generator_loss, state.generator_optimizer, generator_side)
                if update == 0 and not terms.keys().isdisjoint(made):
                    raise ValueError(f"{type(loss).__name__}: both sides have a term called {set(terms) & set(made)}")
                terms |= made
                generator_draws += 1
            if state.ema is not None and ema_decay is not None:
                follow(state.ema, generator, decay=min(ema_decay, (1 + step) / (10 + step)))
        loss.after_step(play)
        ranks.average_changes(buffers)  # batch statistics
        set_training(critic_side + generator_side, [])  # the nets are left as they were found

        state.step = step + 1
        yield terms


def set_training(trained: list[nn.Parameter], frozen: list[nn.Parameter]) -> None:
    """Only the side whose turn it is builds a graph to its parameters."""
    for parameter in trained:
        parameter.requires_grad_(True)
    for parameter in frozen:
        parameter.requires_grad_(False)


def gradient_norm(parameters: list[nn.Parameter], clip: float | None = None) -> Tensor:
    """The Euclidean norm of all gradients together, a scalar on the device; they are scaled down to `clip` beyond it.

    Where the norm is not finite, neither are the gradients afterwards: divergence stays visible.
    """
    if clip is not None:
        return nn.utils.clip_grad_norm_(parameters, clip)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros((), device=parameters[0].device if parameters else None)
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))


def rate_factor(schedule: str, step: int, steps: int) -> float:
    """What the learning rates are multiplied with at `step` of `steps`: 1 at the start, towards 0 unless constant.

    "tail" stays at 1 for the first half of the run and then falls linearly.
    """
    done = step / steps
    if schedule == "linear":
        return 1 - done
    if schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if schedule == "tail":
        return min(1.0, 2 * (1 - done))
    return 1.0


@torch.no_grad()
def follow(average: nn.Module, generator: nn.Module, decay: float) -> None:
    """average ← decay · average + (1 - decay) · generator; buffers (batch statistics) are copied."""
    torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 1 - decay)
    for kept, current in zip(average.buffers(), generator.buffers(), strict=True):
        kept.copy_(current)
