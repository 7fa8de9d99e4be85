"""Rules of what stands around the nets: what a loss trains and defaults, optimisers, objectives, callbacks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from PIL import Image

from gantk.components import validate
from gantk.components.registry import nearest
from gantk.components.signature import parameters
from gantk.interfaces import Callback, Loss
from gantk.testing import toys
from gantk.testing.rule import NotChecked, demand, demand_shape, rule
from gantk.testing.rules.all_kinds import objective_of
from gantk.testing.rules.losses import prepared
from gantk.testing.rules.own_nets import matching
from gantk.testing.subject import Subject
from gantk.testing.toys import POINTS, SmallCritic


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
            wrong = validate.check("optimizer", block[name], subject.plugin.registry)
            demand(not wrong, f"an {name} that a recipe could have", "; ".join(each.message for each in wrong))
    loss: Loss = subject.build(spec=POINTS)
    first = [loss.critic_steps(step, 2) for step in range(60)]
    again = [loss.critic_steps(step, 2) for step in reversed(range(60))][::-1]
    demand(first == again, "critic_steps(step, usual) to be the same when asked again", "another number")
    whole = all(isinstance(each, int) and each >= 0 for each in first)
    demand(whole, "whole numbers of updates, 0 or more", first[:5])


@rule("descends", "optimizer", says="Its steps lower what is minimised, and its state survives `state_dict`.")
def descends(subject: Subject) -> None:
    """A square with its least value at 3."""
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = subject.build(parameters=[weight])
    before = after = 0.0
    for step in range(50):
        optimizer.zero_grad()
        loss = (weight - 3).square().sum()
        loss.backward()
        optimizer.step()
        before, after = (loss.item() if step == 0 else before), loss.item()
    demand(after < before, f"less than {before:.4g} after 50 steps", f"{after:.4g}")
    again = subject.build(parameters=[weight])
    again.load_state_dict(optimizer.state_dict())
    same = len(again.state_dict()["state"]) == len(optimizer.state_dict()["state"])
    demand(same, "the state that was loaded", "another")


@rule("scores", "objective", says="Samples to finite scores (B,); where it is `differentiable`, with a slope.")
def scores(subject: Subject) -> None:
    """Of a few samples that it takes."""
    objective, spec = objective_of(subject)
    differentiable = getattr(objective, "differentiable", None)
    demand(isinstance(differentiable, bool), "`differentiable`, true or false", differentiable)
    samples = toys.noise(spec, 5)
    with torch.no_grad():
        demand_shape(objective(samples), (5,), "scores")
    if differentiable:
        soft = (0.9 * samples + 0.05).requires_grad_()
        objective(soft).sum().backward()
        demand(soft.grad is not None and bool(soft.grad.any()), "a slope to the samples", "none")


@rule("hooks", "callback", says="It overrides methods that there are, is told of a whole run, and changes nothing.")
def hooks(subject: Subject) -> None:
    """Every `on_…` that it has, called as a run calls it."""
    known = [name for name in vars(Callback) if name.startswith("on_")]
    for name in dir(subject.target):
        if name.startswith("on_") and name not in known:
            near = nearest(name, known)
            demand(False, f"methods among {', '.join(known)}", f"{name}{f': did you mean {near}?' if near else ''}")
    told = subject.build()
    recipe = {"about": "a run", "seed": 0, "train": {"steps": 2}}
    numbers = {"critic": 1.0, "generator": 2.0}
    with tempfile.TemporaryDirectory() as folder:
        told.on_start(Path(folder), recipe)
        told.on_log(1, numbers)
        told.on_picture(1, "samples", Image.new("RGB", (4, 4)))
        told.on_log(2, numbers)
        told.on_end(Path(folder))
    demand(numbers == {"critic": 1.0, "generator": 2.0}, "numbers that are left alone", numbers)
    unchanged = recipe == {"about": "a run", "seed": 0, "train": {"steps": 2}}
    demand(unchanged, "a recipe that is left alone", recipe)
