"""The nets that a loss is looked at with: the kit's, those that its author names, or those of its own plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from gantk.data import as_dataset
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss
from gantk.interfaces.play import Play
from gantk.spec import DataSpec
from gantk.testing import specs, toys
from gantk.testing.rule import Broken, NotChecked
from gantk.testing.subject import Subject, spec_in_words
from gantk.testing.toys import POINTS, SmallCritic, SmallGenerator

PARTS = ("generator", "critic", "data")
"""What `nets=` may name for a loss."""


@dataclass(frozen=True)
class Match:
    """A loss and nets that it takes, as it prepares them.

    Args:
        spec: the DataSpec of the samples.
        loss: the loss.
        generator: the prepared generator; one of the kit's that nobody trains, where the loss plays without any.
        critic: the prepared critic; None where the loss plays without any.
        own: whether a net is not the kit's.
    """

    spec: DataSpec
    loss: Loss
    generator: nn.Module
    critic: Any
    own: bool

    @property
    def nets(self) -> list[nn.Module]:
        """Those that there are."""
        return [net for net in (self.critic, self.generator) if net is not None]


@dataclass(frozen=True)
class Pair:
    """Nets that a loss may be looked at with.

    Args:
        spec: what they are built for.
        generator: builds one, or None where the loss plays without.
        critic: builds one, or None where the loss plays without.
    """

    spec: DataSpec
    generator: Callable[[], nn.Module | None]
    critic: Callable[[], nn.Module | None]


def matching(subject: Subject, refusal: NotChecked | None = None, seed: int = 2) -> Match:
    """The loss with the nets that its author names, else with the first of the plugin's own that it takes.

    Args:
        subject: the loss.
        refusal: what it said of the kit's nets.
        seed: of all weights.

    Raises:
        Broken: it does not take those that its author names.
        NotChecked: it takes none of its plugin's either.
    """
    if "match" not in subject.found:
        named = bool(subject.nets)
        taken = (pair for pair in (_named(subject) if named else _guessed(subject)) if _takes(subject, pair, named))
        subject.found["match"] = next(taken, None)
    pair = subject.found["match"]
    if pair is None and subject.nets:
        raise Broken(
            f"expected: a loss that takes the nets named for it: {subject.nets}\n"
            f"     got: DoesNotFit: {subject.found.get('unfit', 'their data')}"
        )
    if pair is None:
        name = subject.declared.name
        raise NotChecked(
            f"{refusal}; nor does it take nets of its own plugin. Name some that it takes: conformance("
            f"{subject.plugin.name!r}, nets={{{name!r}: {{'generator': …, 'critic': …, 'data': …}}}})"
        )
    return prepare(subject, pair, seed)


def prepare(subject: Subject, pair: Pair, seed: int = 2) -> Match:
    """The loss with these nets, all weights drawn from `seed`.

    Raises:
        DoesNotFit: it does not take them.
    """
    torch.manual_seed(seed)
    generator, critic = pair.generator(), pair.critic()
    loss: Loss = subject.build(spec=pair.spec)
    made, judge = loss.prepare(generator, critic, pair.spec)
    small = (SmallGenerator, SmallCritic, type(None))
    own = not (isinstance(generator, small) and isinstance(critic, small))
    return Match(pair.spec, loss, SmallGenerator(pair.spec) if made is None else made, judge, own)


def real_batch(match: Match) -> Tensor:
    """Real samples: a cloud of points, or a few kinds of what the nets take."""
    return toys.structured(match.spec, toys.BATCH, 0) if match.own else toys.cloud(match.spec, 1, 0)


def play_of(match: Match, side: str, real: Tensor, step: int = 0) -> Play:
    """One update of a side, with `real` as the real batch."""
    shared = bool(match.loss.cross_sample)
    return toys.play(side, match.critic, match.generator, match.spec, real, cross_sample=shared, step=step)


def sides(subject: Subject) -> tuple[str, ...]:
    """Which sides the loss trains: a recipe names no other net."""
    of_class, base = subject.target, Loss
    plays = {
        "critic": of_class.critic_loss is not base.critic_loss,
        "generator": of_class.generator_loss is not base.generator_loss,
    }
    return tuple(side for side, own in plays.items() if own)


def _takes(subject: Subject, pair: Pair, named: bool) -> bool:
    try:
        prepare(subject, pair)
    except DoesNotFit as error:
        subject.found["unfit"] = f"{error} (with {spec_in_words(pair.spec)})"
        return False
    return True


def _specs(subject: Subject) -> Iterator[DataSpec]:
    """The author's, those of the plugin's data, the kit's points, and one of each family."""
    yield from subject.plugin.specs
    yield from (data["train"].spec for data in subject.plugin.datasets)
    yield POINTS
    yield from (specs.at_random(1, [family])[0] for family in specs.FAMILIES)


def _named(subject: Subject) -> Iterator[Pair]:
    blocks = subject.nets
    data: Any = blocks.get("data")
    known = _specs(subject) if data is None else [as_dataset(subject.part("dataset", data, split="train")).spec]
    for spec in known:

        def generator(spec: DataSpec = spec) -> nn.Module | None:
            if "generator" not in blocks:
                return SmallGenerator(spec) if "generator" in sides(subject) else None
            return None if blocks["generator"] is None else subject.part("generator", blocks["generator"], spec=spec)

        def critic(spec: DataSpec = spec) -> nn.Module | None:
            if blocks.get("critic"):
                return subject.part("critic", blocks["critic"], spec=spec)
            return SmallCritic(spec) if "critic" in sides(subject) else None

        yield Pair(spec, generator, critic)


def _guessed(subject: Subject) -> Iterator[Pair]:
    """Nets of the plugin, and the kit's beside them."""
    own = [each for each in subject.plugin.subjects() if each.declared.kind in ("generator", "critic")]
    for spec in _specs(subject):
        taking = [each for each in own if each.takes(spec)]
        nets: dict[str, list[Callable[[], nn.Module | None]]] = {
            kind: [_builder(each, spec) for each in taking if each.declared.kind == kind]
            for kind in ("generator", "critic")
        }
        if not any(nets.values()):
            continue
        nets["generator"].append(partial(SmallGenerator, spec))
        nets["critic"] = [*nets["critic"], partial(SmallCritic, spec)] if "critic" in sides(subject) else [_nobody]
        for generator, critic in product(nets["generator"], nets["critic"]):
            yield Pair(spec, generator, critic)


def _nobody() -> None:
    """The critic of a loss that plays without."""


def _builder(subject: Subject, spec: DataSpec) -> Callable[[], nn.Module]:
    return partial(subject.build, spec=spec)
