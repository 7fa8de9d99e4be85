"""Rules of every component: it is light to declare, documented, and can be built."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from gantk.components.docstrings import first_paragraph
from gantk.components.signature import parameters, supplied
from gantk.errors import DataError, DoesNotFit
from gantk.interfaces import Callback, Loss, Metric, Objective, View
from gantk.interfaces.optional_members import has_member
from gantk.plugin import KINDS
from gantk.spec import DataSpec
from gantk.testing.rule import Broken, demand, rule
from gantk.testing.subject import Plugin, Subject
from gantk.testing.toys import POINTS

SUPPLIED = {
    "generator": ("spec",),
    "critic": ("spec",),
    "net": ("spec",),
    "view": ("spec",),
    "objective": ("spec", "data", "seed"),
    "dataset": ("split",),
    "optimizer": ("parameters",),
}
METHODS = {
    "generator": ("forward",),
    "critic": ("forward",),
    "net": ("forward",),
    "loss": ("critic_loss",),
    "metric": ("compute",),
    "view": ("draw",),
    "format": ("write", "read"),
}
HEAVY = ("torch", "numpy", "pandas", "scipy", "sklearn", "matplotlib")


def check_declaring(plugin: Plugin, module: str) -> None:
    """The rule `light`, which is the plugin's and not one component's: see LIGHT."""
    places = [str(Path(entry).absolute()) for entry in sys.path if entry]
    code = (
        f"import sys; sys.path[:0] = {places!r}\nimport gantk.plugin\nbefore = set(sys.modules)\nimport {module}\n"
        f"for hook in ('gantk_components', 'gantk_recipes'):\n    list(getattr({module}, hook, tuple)())\n"
        f"print(*sorted(set({HEAVY!r}) & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    demand(done.returncode == 0, f"`import {module}` in a fresh process", done.stderr.strip().rpartition("\n")[2])
    demand(not done.stdout.strip(), "declaring that imports nothing heavy", f"it imports {done.stdout.strip()}")


LIGHT = "Declaring imports nothing heavy (torch, numpy, …): components are imported on first use."


@rule("documented", *KINDS, says="A docstring says what it is, and its `Args:` say what each parameter means.")
def documented(subject: Subject) -> None:
    """A first paragraph, and a text for each parameter."""
    if subject.declared.kind == "command":
        demand(bool(subject.target.help), "a docstring, which is the command's help", "none")
        return
    demand(bool(subject.target.__doc__) and bool(first_paragraph(subject.target)), "a docstring", "none")
    missing = [each.name for each in parameters(subject.target) if not each.help]
    demand(not missing, "a line under `Args:` for each parameter", f"none for {', '.join(missing)}")


@rule(
    "builds",
    *(kind for kind in KINDS if kind != "command"),
    says="It can be built from its defaults, from nothing but what gantk supplies to its kind left of `*`.",
)
def builds(subject: Subject) -> None:
    """From defaults, and what comes out has the methods of its kind."""
    kind = subject.declared.kind
    usual = SUPPLIED.get(kind, ())
    more = [name for name in supplied(subject.target) if name not in usual]
    demand(not more, f"left of `*` only {' and '.join(usual) or 'nothing'}", f"also {', '.join(more)}")
    made = _made(subject)
    lacking = [name for name in METHODS.get(kind, ()) if not callable(getattr(made, name, None))]
    demand(not lacking, f"{' and '.join(METHODS.get(kind, ()))}", f"no {' and no '.join(lacking)}")
    if kind == "generator":
        known = has_member(made, "latent_shape") or has_member(made, "draw_latent")
        demand(known, "a generator with `latent_shape` (or `draw_latent`)", "neither")
    bases = {
        "loss": Loss,
        "callback": Callback,
        "metric": Metric,
        "view": View,
        "objective": Objective,
        "optimizer": torch.optim.Optimizer,
    }
    if kind in bases:
        demand(isinstance(made, bases[kind]), f"a {bases[kind].__name__}", type(made).__name__)


def _made(subject: Subject) -> object:
    kind = subject.declared.kind
    if kind == "dataset":
        return subject.build(defaults=not subject.given, split="train")
    if kind == "optimizer":
        return subject.build(defaults=True, parameters=[torch.nn.Parameter(torch.ones(2))])
    if kind == "loss":
        return subject.build(defaults=True, spec=POINTS)  # for nets within it
    if "spec" not in SUPPLIED.get(kind, ()):
        return subject.build(defaults=True)
    subject.insist()
    for spec in subject.some_specs():
        try:
            if kind == "objective":
                return objective_of(subject)[0]
            return subject.build(defaults=True, spec=spec)
        except DoesNotFit:
            continue  # with the author's parameters it takes this one, with its defaults another
    raise Broken("expected: a component that takes at least one DataSpec with its defaults\n     got: DoesNotFit")


def objective_of(subject: Subject) -> tuple[Any, DataSpec]:
    """An objective and what it is for: the first of the plugin's data that it can learn from, if it learns."""
    data = [each["train"] for each in subject.plugin.datasets]
    for known in [each for each in data if subject.takes(each.spec)]:
        try:
            return subject.build(spec=known.spec, data=known, seed=0), known.spec
        except (DataError, DoesNotFit):
            continue
    spec = subject.a_spec()
    return subject.build(spec=spec, data=None, seed=0), spec


@rule(
    "meta",
    "generator",
    "critic",
    says="It can be built without memory, under `torch.device('meta')`, as `gantk validate` does.",
)
def on_meta(subject: Subject) -> None:
    """All parameters are on the meta device, where they have no memory."""
    spec = subject.a_spec()  # perhaps of a data set, which must not be made there
    with torch.device("meta"):
        net = subject.build(spec=spec)
    real = [name for name, parameter in net.named_parameters() if not parameter.is_meta]
    demand(not real, "all parameters on the meta device", f"with memory: {', '.join(real)}")


@rule("command", "command", says="A command is a `click` command.")
def command(subject: Subject) -> None:
    """It is a click command."""
    import click

    demand(isinstance(subject.target, click.Command), "a click.Command", type(subject.target).__name__)


def source_of(target: object) -> str:
    """Where a component's code stands, for messages."""
    try:
        return f"{inspect.getsourcefile(target)}:{inspect.getsourcelines(target)[1]}"  # type: ignore[arg-type]
    except (TypeError, OSError):
        return ""
