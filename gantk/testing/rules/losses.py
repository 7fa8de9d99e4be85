"""Rules of losses, looked at beside the kit's own small nets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from gantk.components import validate
from gantk.components.signature import parameters
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss
from gantk.interfaces.play import Play
from gantk.spec import DataSpec
from gantk.testing import toys
from gantk.testing.rule import NotChecked, demand, demand_finite, rule
from gantk.testing.rules.own_nets import Match, matching
from gantk.testing.subject import Subject, with_units
from gantk.testing.toys import BATCH, POINTS, Slope, SmallCritic, SmallGenerator

UNITS = 3
STEPS = 100


class Fixed(Play):
    """A play whose random draws are all one half, so that they do not depend on the number of units."""

    def uniform(self, *shape: int, purpose: str) -> Tensor:
        """One half."""
        return torch.full(shape, 0.5)

    def normal(self, *shape: int, purpose: str) -> Tensor:
        """One half."""
        return torch.full(shape, 0.5)


def prepared(
    subject: Subject, spec: DataSpec, critic: nn.Module, *, with_generator: bool = True
) -> tuple[Loss, nn.Module, nn.Module]:
    """The loss, and the nets as it prepares them.

    Raises:
        NotChecked: it refuses the kit's nets.
    """
    torch.manual_seed(2)
    loss: Loss = subject.build(spec=spec)
    generator = SmallGenerator(spec) if with_generator else None
    try:
        made, judge = loss.prepare(generator, critic, spec)
    except DoesNotFit as error:
        raise NotChecked(f"it refuses the kit's nets: {error}") from error
    return loss, made if made is not None else SmallGenerator(spec), judge


def plays_generator(subject: Subject) -> bool:
    """Whether the loss has a generator to train."""
    return subject.target.generator_loss is not Loss.generator_loss


def terms_of(loss: Loss, side: str, play: Play) -> dict[str, Tensor]:
    """The terms of one side."""
    return (loss.critic_loss if side == "critic" else loss.generator_loss)(play)


def cloud(spec: DataSpec, centre: float, seed: int) -> Tensor:
    """A batch around `centre`."""
    rng = torch.Generator().manual_seed(seed)
    return centre + 0.3 * torch.randn(BATCH, *spec.shape, generator=rng)


def sides(subject: Subject) -> tuple[str, ...]:
    """Which sides the loss trains."""
    return ("critic", "generator") if plays_generator(subject) else ("critic",)


@rule(
    "terms",
    "loss",
    says="Each side returns named scalars that depend on its net, under names that the other side does not have.",
)
def named_terms(subject: Subject) -> None:
    """On one unit and on several; a loss that refuses the kit's nets, with those of its own plugin."""
    try:
        for spec in (POINTS, with_units(POINTS, UNITS)):
            _named_terms(subject, partial(_with_small_nets, subject, spec))
    except NotChecked as refusal:
        _named_terms(subject, partial(matching, subject, refusal))


def _with_small_nets(subject: Subject, spec: DataSpec) -> Match:
    return spec, *prepared(subject, spec, SmallCritic(spec))


def _named_terms(subject: Subject, match: Callable[[], Match]) -> None:
    names: dict[str, set[str]] = {}
    for side in sides(subject):
        spec, loss, generator, critic = match()
        play = toys.play(side, critic, generator, spec, cloud(spec, 1, 0), cross_sample=bool(loss.cross_sample))
        terms = terms_of(loss, side, play)
        demand(isinstance(terms, dict) and bool(terms), f"a dict of terms for the {side}", terms)
        for name, value in terms.items():
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            demand(shape == (), f"'{name}' as a scalar tensor", shape)
        torch.stack(tuple(terms.values())).sum().backward()
        net = critic if side == "critic" else generator
        reached = any(weight.grad is not None and bool(weight.grad.any()) for weight in net.parameters())
        demand(reached, f"terms of the {side} that depend on its weights", "no gradient")
        names[side] = set(terms)
    shared = names["critic"] & names.get("generator", set())
    demand(not shared, "other names for each side", f"both have {', '.join(shared)}")


@rule(
    "finite",
    "loss",
    says="Terms and gradients are finite for ordinary scores, for scores of ±10⁵, and where all scores and gradients "
    "are 0.",
)
def finite(subject: Subject) -> None:
    """Computes the loss under critics of three scales."""
    for side in sides(subject):
        for scale in (1.0, 1e5, 0.0):
            torch.manual_seed(0)
            loss, generator, critic = prepared(subject, POINTS, SmallCritic(POINTS, scale))
            real = cloud(POINTS, 1, 0)
            play = toys.play(side, critic, generator, POINTS, real, cross_sample=bool(loss.cross_sample))
            terms = terms_of(loss, side, play)
            for name, value in terms.items():
                demand_finite(value.detach(), f"'{name}' under scores of about {scale:g}")
            torch.stack(tuple(terms.values())).sum().backward()
            for net in (critic, generator):
                for name, weight in net.named_parameters():
                    if weight.grad is not None:
                        demand_finite(weight.grad, f"the gradient of {name} under scores of about {scale:g}")


def _trained(net: nn.Module, terms: Callable[[int], dict[str, Tensor]], after: Callable[[], None], rate: float) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    for step in range(STEPS):
        optimizer.zero_grad()
        torch.stack(tuple(terms(step).values())).sum().backward()
        optimizer.step()
        after()


@rule("critic_sign", "loss", says="Updates of the critic raise the scores of real samples against those of fakes.")
def critic_sign(subject: Subject) -> None:
    """Trains a critic that scores fakes above real samples until it is the other way round."""
    if not plays_generator(subject):
        raise NotChecked("it has no fakes")
    start = _contrary()
    loss, generator, critic = prepared(subject, POINTS, start)
    real, fake = cloud(POINTS, 1, 0), cloud(POINTS, -1, 1)
    last: list[Play] = []

    def terms(step: int) -> dict[str, Tensor]:
        play = toys.play("critic", critic, generator, POINTS, real, cross_sample=bool(loss.cross_sample), step=step)
        play.fake = fake
        last[:] = [play]
        return loss.critic_loss(play)

    _trained(critic, terms, lambda: loss.after_critic_step(last[0]), 0.02)
    with torch.no_grad():
        gap = (last[0].score(real).mean() - last[0].score(fake).mean()).item()
    demand(gap > 0, f"real samples above fakes after {STEPS} critic updates", f"they are {-gap:.3g} below")


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
    if not plays_generator(subject):
        raise NotChecked("it has no generator")
    loss, generator, critic = prepared(subject, POINTS, Slope(POINTS, below=1.0))
    real = cloud(POINTS, 2, 0)

    def play(step: int) -> Play:
        made = toys.play("generator", critic, generator, POINTS, real, cross_sample=bool(loss.cross_sample), step=step)
        made.latent = torch.randn(BATCH, 4, generator=torch.Generator().manual_seed(1))
        return made

    def scored() -> float:
        with torch.no_grad():
            fixed = play(0)
            return fixed.score(fixed.fake).mean().item()

    critic.requires_grad_(False)
    before = scored()
    _trained(generator, lambda step: loss.generator_loss(play(step)), lambda: None, 0.02)
    after = scored()
    demand(after > before, f"fakes that score above {before:.3g} after {STEPS} generator updates", f"{after:.3g}")


@rule(
    "units",
    "loss",
    says="Terms are averaged over the batch and summed over units (`play.mean`), and norms are taken within a unit: "
    "each tower trains as it would alone.",
)
def units_alone(subject: Subject) -> None:
    """The first of three towers gets the gradients that it gets alone."""
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
    loss, generator, judge = prepared(subject, spec, critic)
    if judge is not critic or any(True for _ in loss.parameters()):
        raise NotChecked("the loss adds layers of its own, whose weights differ with the units")
    play = toys.play(side, judge, generator, spec, real, kind=Fixed, cross_sample=bool(loss.cross_sample))
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
    try:
        loss, generator, critic = prepared(subject, POINTS, SmallCritic(POINTS))
    except NotChecked as refusal:
        _, loss, generator, critic = matching(subject, refusal)
    known = {id(weight) for net in (generator, critic) for weight in net.parameters()}
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
