"""Rules of losses, looked at beside the kit's own small nets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.components import validate
from gantk.components.signature import parameters
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, draw_latent
from gantk.interfaces.play import Play
from gantk.spec import DataSpec
from gantk.testing import toys
from gantk.testing.rule import NotChecked, demand, demand_finite, rule
from gantk.testing.rules.own_nets import Match, Pair, matching, play_of, prepare, real_batch, sides
from gantk.testing.subject import Subject, with_units
from gantk.testing.toys import BATCH, POINTS, Slope, SmallCritic, SmallGenerator, cloud
from gantk.training.state import require_grad_only, trainable_parameters

UNITS = 3
STEPS = 100
LR = 0.02
STEPS_OWN, LR_OWN = 40, 0.002
"""Of nets that are not the kit's, which are deeper and take longer."""


class Fixed(Play):
    """A play whose random draws are all one half, so that they do not depend on the number of units."""

    def uniform(self, *shape: int, purpose: str) -> Tensor:
        """One half."""
        return torch.full(shape, 0.5)

    def normal(self, *shape: int, purpose: str) -> Tensor:
        """One half."""
        return torch.full(shape, 0.5)


def prepared(subject: Subject, spec: DataSpec, critic: nn.Module, seed: int = 2) -> Match:
    """The loss with the kit's nets, as it prepares them.

    A loss without `critic_loss` gets no critic, as a recipe gives it none.

    Raises:
        NotChecked: it refuses the kit's nets, or its author names others.
    """
    if subject.nets:
        raise NotChecked("its author names the nets that it is looked at with")
    pair = Pair(
        spec,
        lambda: SmallGenerator(spec) if "generator" in sides(subject) else None,
        lambda: critic if "critic" in sides(subject) else None,
    )
    try:
        return prepare(subject, pair, seed)
    except DoesNotFit as error:
        raise NotChecked(f"it refuses the kit's nets: {error}") from error


def with_any(subject: Subject, seed: int = 2) -> Match:
    """The loss with the kit's nets or, where it does not take those, with its own; see `matching`."""
    torch.manual_seed(seed)
    try:
        return prepared(subject, POINTS, SmallCritic(POINTS), seed)
    except NotChecked as refusal:
        return matching(subject, refusal, seed)


def terms_of(loss: Loss, side: str, play: Play) -> dict[str, Tensor]:
    """The terms of one side."""
    return (loss.critic_loss if side == "critic" else loss.generator_loss)(play)


@rule(
    "terms",
    "loss",
    says="Each side returns named scalars that depend on its net, under names that the other side does not have.",
)
def named_terms(subject: Subject) -> None:
    """On one unit and on several; a loss that refuses the kit's nets, with those of its own plugin."""
    try:
        for spec in (POINTS, with_units(POINTS, UNITS)):
            _named_terms(subject, partial(prepared, subject, spec, SmallCritic(spec)))
    except NotChecked as refusal:
        _named_terms(subject, partial(matching, subject, refusal))


def _named_terms(subject: Subject, match_anew: Callable[[], Match]) -> None:
    names: dict[str, set[str]] = {}
    for side in sides(subject):
        match = match_anew()
        terms = terms_of(match.loss, side, play_of(match, side, real_batch(match)))
        demand(isinstance(terms, dict) and bool(terms), f"a dict of terms for the {side}", terms)
        for name, value in terms.items():
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            demand(shape == (), f"'{name}' as a scalar tensor", shape)
        torch.stack(tuple(terms.values())).sum().backward()
        net = match.critic if side == "critic" else match.generator
        reached = any(weight.grad is not None and bool(weight.grad.any()) for weight in net.parameters())
        demand(reached, f"terms of the {side} that depend on its weights", "no gradient")
        names[side] = set(terms)
    shared = names.get("critic", set()) & names.get("generator", set())
    demand(not shared, "other names for each side", f"both have {', '.join(shared)}")


@rule(
    "finite",
    "loss",
    says="Terms and gradients are finite for ordinary scores, for scores of ±10⁵, and where all scores and gradients "
    "are 0.",
)
def finite(subject: Subject) -> None:
    """Computes the loss under critics of three scales; of nets of its own, as they are."""
    for side in sides(subject):
        try:
            for scale in (1.0, 1e5, 0.0):
                torch.manual_seed(0)
                match = prepared(subject, POINTS, SmallCritic(POINTS, scale))
                _finite(match, side, f"under scores of about {scale:g}")
        except NotChecked as refusal:
            _finite(matching(subject, refusal), side, "with nets of its own")


def _finite(match: Match, side: str, where: str) -> None:
    terms = terms_of(match.loss, side, play_of(match, side, real_batch(match)))
    for name, value in terms.items():
        demand_finite(value.detach(), f"'{name}' {where}")
    torch.stack(tuple(terms.values())).sum().backward()
    for net in match.nets:
        for name, weight in net.named_parameters():
            if weight.grad is not None:
                demand_finite(weight.grad, f"the gradient of {name} {where}")


def _trained(
    match: Match, side: Literal["critic", "generator"], play: Callable[[int], Play], after: Any = None
) -> None:
    net = match.critic if side == "critic" else match.generator
    trained = trainable_parameters(net, match.loss, f"with_{side}")  # type: ignore[arg-type]  # one of the two
    optimizer = torch.optim.Adam(trained, lr=LR_OWN if match.own else LR)
    for step in range(STEPS_OWN if match.own else STEPS):
        optimizer.zero_grad()
        made = play(step)
        torch.stack(tuple(terms_of(match.loss, side, made).values())).sum().backward()
        optimizer.step()
        if after is not None:
            after(made)


@rule("critic_sign", "loss", says="Updates of the critic raise the scores of real samples against those of fakes.")
def critic_sign(subject: Subject) -> None:
    """Trains a critic that scores fakes above real samples until it is the other way round."""
    if len(sides(subject)) < 2:
        raise NotChecked("it has no fakes, or no critic")
    try:
        match, fake = prepared(subject, POINTS, _contrary()), cloud(POINTS, -1, 1)
    except NotChecked as refusal:
        match, fake = matching(subject, refusal), None
    _demand_gap(_with_trained_critic(match, fake))


def _with_trained_critic(match: Match, fake: Tensor | None) -> Play:
    """Trains the critic, against these fakes or the generator's; returns its last play."""
    real = real_batch(match)
    last: list[Play] = []

    def play(step: int) -> Play:
        made = play_of(match, "critic", real, step)
        if fake is not None:
            made.fake = fake
        last[:] = [made]
        return made

    _trained(match, "critic", play, after=match.loss.after_critic_step)
    return last[0]


def _demand_gap(play: Play) -> None:
    with torch.no_grad():
        gap = (play.score(play.real).mean() - play.score(play.fake).mean()).item()
    demand(gap > 0, "real samples above fakes after updates of the critic", f"they are {-gap:.3g} below")


def _contrary() -> SmallCritic:
    """A critic that scores fakes (around -1) above real samples (around 1)."""
    torch.manual_seed(0)
    critic = SmallCritic(POINTS)
    with torch.no_grad():
        if critic(cloud(POINTS, 1, 0)).mean() > critic(cloud(POINTS, -1, 1)).mean():
            critic.last.neg_()
    return critic


@rule("generator_sign", "loss", says="Updates of the generator raise the scores of its fakes.")
def generator_sign(subject: Subject) -> None:
    """Trains fakes under a fixed critic."""
    if len(sides(subject)) < 2:
        raise NotChecked("it has no generator, or no critic")
    try:
        match = prepared(subject, POINTS, Slope(POINTS, below=1.0))
        real = cloud(POINTS, 2, 0)
    except NotChecked as refusal:
        match = matching(subject, refusal)
        real = real_batch(match)
        _with_trained_critic(match, None)
    latent = draw_latent(match.generator, BATCH, torch.Generator().manual_seed(1))

    def play(step: int) -> Play:
        made = play_of(match, "generator", real, step)
        made.latent = latent
        return made

    def scored() -> float:
        with torch.no_grad():
            fixed = play(0)
            return fixed.score(fixed.fake).mean().item()

    require_grad_only([], trainable_parameters(match.critic, match.loss, "with_critic"))
    before = scored()
    _trained(match, "generator", play)
    after = scored()
    demand(after > before, f"fakes that score above {before:.3g} after updates of the generator", f"{after:.3g}")


@rule(
    "units",
    "loss",
    says="Terms are averaged over the batch and summed over units (`play.mean`), and norms are taken within a unit: "
    "each tower trains as it would alone.",
)
def units_alone(subject: Subject) -> None:
    """The first of three towers gets the gradients that it gets alone."""
    if "critic" not in sides(subject):
        raise NotChecked("it has no critic, whose towers could be compared")
    many = with_units(POINTS, UNITS)
    for side in sides(subject):
        torch.manual_seed(0)
        towers, alone = SmallCritic(many), SmallCritic(POINTS)
        with torch.no_grad():
            alone.weight.copy_(towers.weight[:1])
            alone.last.copy_(towers.last[:1])
        real, fake = cloud(many, 1, 0), cloud(many, -1, 1)
        together = _gradient(subject, side, many, towers, real, fake)
        single = _gradient(subject, side, POINTS, alone, real[:, 0], fake[:, 0])
        together = together[:1] if side == "critic" else together[:, 0]
        apart = (together - single).abs().max().item()
        near = apart <= 1e-3 * (single.abs().max().item() + 1e-6)
        factor = (together.norm() / single.norm().clamp(min=1e-12)).item()
        demand(
            near,
            f"the gradients that the {side} gets with one unit, for the first of {UNITS} units",
            f"others, {factor:.3g} times as long",
        )


def _gradient(subject: Subject, side: str, spec: DataSpec, critic: SmallCritic, real: Tensor, fake: Tensor) -> Tensor:
    """What the critic's weights, or the fakes, are told by one update."""
    match = prepared(subject, spec, critic)
    loss = match.loss
    if match.critic is not critic or any(True for _ in loss.parameters()):
        raise NotChecked("the loss adds layers of its own, whose weights differ with the units")
    play = toys.play(side, critic, match.generator, spec, real, kind=Fixed, cross_sample=bool(loss.cross_sample))
    play.fake = fake.clone().requires_grad_(side == "generator")
    torch.stack(tuple(terms_of(loss, side, play).values())).sum().backward()
    gradient = critic.weight.grad if side == "critic" else play.fake.grad
    assert gradient is not None
    return gradient


@rule(
    "own_parameters",
    "loss",
    says="What a loss trains itself stands in its submodules `with_critic` and `with_generator`; else nobody does.",
)
def own_parameters(subject: Subject) -> None:
    """Every parameter of the prepared loss is under one of the two, or in a net."""
    match = with_any(subject)
    loss = match.loss
    known = {id(weight) for net in match.nets for weight in net.parameters()}
    for name in ("with_critic", "with_generator"):
        known |= {id(weight) for weight in getattr(loss, name, torch.nn.Module()).parameters()}
    lost = [name for name, weight in loss.named_parameters() if weight.requires_grad and id(weight) not in known]
    demand(not lost, "all parameters under with_critic or with_generator", f"outside: {', '.join(lost)}")


@rule(
    "play_defaults",
    "loss",
    says="`play_defaults` gives a `play` block as a recipe would write it, and `critic_steps` is a pure function.",
)
def play_defaults(subject: Subject) -> None:
    """Known keys, optimisers that exist, and the same number of updates when asked twice."""
    values = {each.name: subject.given.get(each.name, each.default) for each in parameters(subject.target)}
    block = subject.target.play_defaults(**values)
    known = {"critic_steps", "generator_steps", "generator_optimizer", "critic_optimizer"}
    demand(set(block) <= known, f"keys among {', '.join(sorted(known))}", ", ".join(sorted(set(block) - known)))
    for name in ("generator_optimizer", "critic_optimizer"):
        if name in block:
            wrong = validate.find_problems("optimizer", block[name], subject.plugin.registry)
            demand(not wrong, f"an {name} that a recipe could have", "; ".join(each.message for each in wrong))
    loss: Loss = subject.build(spec=POINTS)
    first = [loss.critic_steps(step, 2) for step in range(60)]
    again = [loss.critic_steps(step, 2) for step in reversed(range(60))][::-1]
    demand(first == again, "critic_steps(step, usual) to be the same when asked again", "another number")
    whole = all(isinstance(each, int) and each >= 0 for each in first)
    demand(whole, "whole numbers of updates, 0 or more", first[:5])
