"""THE loop: one generator and one critic, played against each other, or one of them alone. It reads top to bottom.

`train` is a Python generator that yields after every step; whoever drives it (runs/trainer.py) draws pictures,
evaluates and writes checkpoints between steps, and may simply stop. All randomness is a function of (seed, step,
update, purpose), so that going on from a checkpoint is the run that never stopped, bit for bit on the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from gantk import randomness
from gantk.class_counts import all_labels
from gantk.interfaces import Dataset, Play, may_share_forward, step_listeners
from gantk.training.batches import Batches
from gantk.training.distributed.ranks import ALONE, Ranks
from gantk.training.engine import Eager, gradient_norm
from gantk.training.schedules import NumbersByStep
from gantk.training.settings import TrainSettings
from gantk.training.state import State, require_grad_only, trainable_parameters
from gantk.training.weight_average import update_average


def train(
    state: State,
    dataset: Dataset,
    settings: TrainSettings,
    *,
    held_out: Dataset | None = None,  # the validation split, for losses that measure themselves by it
    engine: Eager | None = None,  # computes the gradients of an update; None: as torch does
    ranks: Ranks = ALONE,  # the processes that share each batch; what is drawn for it is drawn whole, then shared
    device: torch.device | str = "cpu",
) -> Iterator[dict[str, Tensor]]:
    """Trains from `state.step` to `settings.steps`, yielding after each step its terms by name, scalars on the device.

    Behind the terms of a side stands the norm of its gradients, `critic_grad_norm` and `generator_grad_norm`.
    """
    device, engine, seed = torch.device(device), engine or Eager(settings.precision), settings.seed
    generator, critic, loss = state.generator, state.critic, state.loss
    generator_side = trainable_parameters(generator, loss, "with_generator")
    critic_side = trainable_parameters(critic, loss, "with_critic")
    shared_forward = critic is not None and may_share_forward(critic, loss.cross_sample)
    listeners = step_listeners(None if state.generator_optimizer is None else generator, critic, loss)
    labels = all_labels(dataset) if settings.balance == "classes" else None
    batches = {
        side: Batches(dataset, settings.batch, seed, side, ranks, device, labels) for side in ("critic", "generator")
    }
    aside = (
        None
        if held_out is None or not len(held_out)
        else Batches(held_out, settings.batch, seed, "held out", ranks, device, augment=False)
    )
    draws = {
        "critic": sum(loss.critic_steps(earlier, settings.critic_steps) for earlier in range(state.step)),
        "generator": state.step * settings.generator_steps,
    }
    numbers = NumbersByStep(state, settings)

    def next_play(side: Literal["critic", "generator"], step: int, update: int) -> Play:
        number = draws[side]
        draws[side] += 1
        return Play(
            side,
            generator,
            critic,
            dataset.spec,
            lambda: batches[side].fetch(step, update, number),
            randomness.Streams(seed, side, step, update, device, ranks.number, ranks.count),
            batch=ranks.share_of(settings.batch),
            shared_forward=shared_forward,
            critic_optimizer=state.critic_optimizer,
            fetch_held_out=None if aside is None else lambda: aside.fetch(step, update, number),
        )

    def update_side(
        play: Play,
        terms_of: Callable[[Play], dict[str, Tensor]],
        optimizer: torch.optim.Optimizer,
        trained: list[nn.Parameter],
    ) -> dict[str, Tensor]:
        terms = engine.gradients(play, terms_of, trained)  # forward and backward
        terms = ranks.average_gradients(trained, terms)
        norm = gradient_norm(trained, settings.clip_gradients)
        optimizer.step()
        return terms | {f"{play.side}_grad_norm": norm}

    for step in range(state.step, settings.steps):
        randomness.seed_layers(randomness.derive(seed, ranks.own("layers"), step), device)  # for layers that draw
        buffers = ranks.keep_buffers(generator, critic, loss, state.ema)
        numbers.set(step)  # the learning rates, and what else follows a schedule
        for listener in listeners:
            listener.at_step(step)
        terms: dict[str, Tensor] = {}
        play: Play | None = None

        # The critic's updates: real samples against fakes that carry no graph.
        if critic is not None and state.critic_optimizer is not None:
            require_grad_only(critic_side, generator_side)
            for update in range(loss.critic_steps(step, settings.critic_steps)):
                play = next_play("critic", step, update)
                terms |= update_side(play, loss.critic_loss, state.critic_optimizer, critic_side)
                loss.after_critic_step(play)

        # The generator's updates: new fakes, through a critic that is frozen (or without any: autoencoders).
        if generator is not None and state.generator_optimizer is not None:
            require_grad_only(generator_side, critic_side)
            for update in range(settings.generator_steps):
                play = next_play("generator", step, update)
                made = update_side(play, loss.generator_loss, state.generator_optimizer, generator_side)
                if update == 0 and not terms.keys().isdisjoint(made):
                    raise ValueError(f"{type(loss).__name__}: both sides have a term called {set(terms) & set(made)}")
                terms |= made
            decay = settings.average_decay(step)
            if state.ema is not None and decay is not None:
                update_average(state.ema, generator, decay)
        if play is not None:  # None where only a critic is trained, and it has no update in this step
            loss.after_step(play)
        ranks.average_changes(buffers)  # batch statistics
        require_grad_only(critic_side + generator_side, [])  # the nets are left as they were found

        state.step = step + 1
        yield terms
