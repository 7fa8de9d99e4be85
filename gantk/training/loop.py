"""THE loop: one generator and one critic, played against each other. It reads top to bottom.

`train` is a Python generator that yields after every step; whoever drives it (session.py) draws pictures, evaluates and
writes checkpoints between steps, and may simply stop. All randomness is a function of (seed, step, update, purpose),
so that going on from a checkpoint is the run that never stopped, bit for bit on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from gantk import randomness
from gantk.interfaces import Batch, Dataset
from gantk.interfaces.play import Play, may_share_forward
from gantk.training.batches import Order
from gantk.training.distributed.ranks import ALONE, Ranks
from gantk.training.engine import Eager
from gantk.training.schedules import rate_factor
from gantk.training.state import State, require_grad_only, trainable_parameters
from gantk.training.weight_average import update_average


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
    generator_side, critic_side = (
        trainable_parameters(generator, loss, "with_generator"),
        trainable_parameters(critic, loss, "with_critic"),
    )
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
        require_grad_only(critic_side, generator_side)
        for update in range(loss.critic_steps(step, critic_steps)):
            play = play_of("critic", step, update, critic_order, critic_draws)
            terms |= update_side(play, loss.critic_loss, state.critic_optimizer, critic_side)
            loss.after_critic_step(play)
            critic_draws += 1

        # The generator's updates: new fakes, through a critic that is frozen.
        if generator is not None and state.generator_optimizer is not None:
            require_grad_only(generator_side, critic_side)
            for update in range(generator_steps):
                play = play_of("generator", step, update, generator_order, generator_draws)
                made = update_side(play, loss.generator_loss, state.generator_optimizer, generator_side)
                if update == 0 and not terms.keys().isdisjoint(made):
                    raise ValueError(f"{type(loss).__name__}: both sides have a term called {set(terms) & set(made)}")
                terms |= made
                generator_draws += 1
            if state.ema is not None and ema_decay is not None:
                update_average(state.ema, generator, decay=min(ema_decay, (1 + step) / (10 + step)))
        loss.after_step(play)
        ranks.average_changes(buffers)  # batch statistics
        require_grad_only(critic_side + generator_side, [])  # the nets are left as they were found

        state.step = step + 1
        yield terms


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
