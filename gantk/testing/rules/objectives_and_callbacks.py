"""Rules of what stands around the nets: what a loss trains and defaults, optimisers, objectives, callbacks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from PIL import Image

from gantk.interfaces import Callback
from gantk.messages import nearest
from gantk.testing import toys
from gantk.testing.rule import demand, demand_shape, rule
from gantk.testing.rules.all_kinds import objective_of
from gantk.testing.subject import Subject


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


@rule("scores", "objective", says="Samples to finite scores (B,); where it is `differentiable`, with a gradient.")
def scores(subject: Subject) -> None:
    """Of a few samples that it takes."""
    objective, spec = objective_of(subject)
    differentiable = objective.differentiable
    demand(isinstance(differentiable, bool), "`differentiable`, true or false", differentiable)
    samples = toys.noise(spec, 5)
    with torch.no_grad():
        demand_shape(objective(samples), (5,), "scores")
    if differentiable:
        soft = (0.9 * samples + 0.05).requires_grad_()
        objective(soft).sum().backward()
        demand(soft.grad is not None and bool(soft.grad.any()), "a gradient to the samples", "none")


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
