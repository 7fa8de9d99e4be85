"""The cases of a plugin: every rule for every component, to run under pytest or without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gantk.components.registry import Registry
from gantk.components.registry import installed_registry as installed
from gantk.errors import ComponentError, GantkError, MissingExtra
from gantk.messages import did_you_mean
from gantk.spec import DataSpec
from gantk.testing.rule import DOCUMENT, RULES, Broken, NotChecked, Rule
from gantk.testing.rules import (
    all_kinds,
    critics,
    datasets,
    losses,
    metrics_and_views,
    objectives_and_callbacks,
    reconstruction,
    resuming,
    schedules,
)
from gantk.testing.rules import nets as rules_of_nets
from gantk.testing.rules.own_nets import PARTS
from gantk.testing.subject import Plugin, Subject

MODULES = (
    all_kinds,
    rules_of_nets,
    critics,
    losses,
    datasets,
    metrics_and_views,
    objectives_and_callbacks,
    reconstruction,
    resuming,
    schedules,
)
"""Importing these registers the rules."""


@dataclass(frozen=True)
class Case:
    """One rule for one component, or, without a component, a rule of the whole plugin.

    Args:
        plugin: the plugin's name.
        component: "kind/name", or "" for the plugin itself.
        rule: the rule's name.
        says: the rule in one sentence.
        check: raises `Broken` or `NotChecked`.
        where: where the component's code stands; found only when it is needed.
    """

    plugin: str
    component: str
    rule: str
    says: str
    check: Callable[[], None]
    where: Callable[[], str]

    @property
    def name(self) -> str:
        """What pytest calls it: "critic/patch-second_order"."""
        return f"{self.component or self.plugin}-{self.rule}"

    def run(self) -> None:
        """Checks the rule.

        Raises:
            Broken: it is broken; says what was expected, what came, and where the rule is explained.
            NotChecked: it cannot be checked here.
        """
        try:
            self.check()
        except NotChecked:
            raise
        except MissingExtra as error:
            raise NotChecked(str(error)) from error
        except Broken as error:
            raise Broken(self._told(str(error))) from error.__cause__
        except GantkError as error:
            raise Broken(self._told(f"expected: no error\n     got: {type(error).__name__}: {error}")) from error
        except Exception as error:  # whatever a component raises
            raise Broken(self._told(f"expected: no exception\n     got: {type(error).__name__}: {error}")) from error

    def _told(self, problem: str) -> str:
        place = self.where()
        return (
            f"{self.plugin}: {self.component.replace('/', ' ') or 'the plugin'} breaks the rule '{self.rule}'\n"
            f"{problem}\n    rule: {self.says}\n    docs: {DOCUMENT}, table 'The rules', row '{self.rule}'"
            + (f"\n    code: {place}" if place else "")
        )

    def outcome(self) -> tuple[Literal["ok", "broken", "not checked"], str]:
        """The same as a word and a text, for reports."""
        try:
            self.run()
        except NotChecked as reason:
            return "not checked", str(reason)
        except Broken as problem:
            return "broken", str(problem)
        return "ok", ""


def cases(
    plugin: str,
    *,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    specs: Sequence[DataSpec] = (),
    examples: int = 5,
    nets: Mapping[str, Mapping[str, Any]] | None = None,
    registry: Registry | None = None,
) -> list[Case]:
    """Every rule for every component that a plugin declares.

    Args:
        plugin: its name, which is the name of its entry point.
        parameters: values for its components, by short name or "kind/name": those that cannot be guessed, and
            small sizes that save time.
        specs: DataSpecs that are tried besides the drawn ones.
        examples: how many DataSpecs are drawn for a rule.
        nets: what a loss is looked at with that does not take the kit's own nets, by the loss's name: a "generator"
            (None: none), a "critic" and "data", each as a recipe names it: "acme/joint", or {"use": "acme/joint", …}.
            What is not said is the kit's own.
        registry: where it is found; None: what is installed.

    Raises:
        ComponentError: there is no such plugin, it is broken, or `parameters` or `nets` name what it does not have.
    """
    registry = registry or installed()
    found = {each.name: each for each in registry.plugins if each.state != "refused"}
    if plugin not in found:
        hint = did_you_mean(plugin, found, f"installed are {', '.join(found)}")
        raise ComponentError(f"there is no plugin '{plugin}': {hint} (after a change of pyproject.toml, install again)")
    held = found[plugin]
    if held.state != "ok":
        raise ComponentError(f"{held.title} is {held.state}: {held.reason}\n{held.traceback}".rstrip())
    looked_at = Plugin(plugin, registry, parameters or {}, specs, examples, nets or {})
    light = Case(
        plugin,
        "",
        "light",
        all_kinds.LIGHT,
        lambda: all_kinds.check_declaring(looked_at, held.module),
        lambda: held.module,
    )
    subjects = looked_at.subjects()
    for name in looked_at.parameters:
        if name.rpartition("/")[2] not in {each.declared.name for each in subjects}:
            raise ComponentError(f"parameters name '{name}', but '{plugin}' has no such component")
    _check_nets(looked_at.nets, [each.declared.name for each in subjects if each.declared.kind == "loss"])
    return [light, *(_case(subject, rule) for subject in subjects for rule in rules_of(subject.declared.kind))]


def _check_nets(nets: Mapping[str, Mapping[str, Any]], losses: Sequence[str]) -> None:
    """Raises ComponentError where `nets` names no loss of the plugin, or what is neither net nor data."""
    for name, blocks in nets.items():
        if name.removeprefix("loss/") not in losses:
            hint = did_you_mean(name, losses, f"its losses are {', '.join(losses) or 'none'}")
            raise ComponentError(f"nets name '{name}', which is no loss of the plugin: {hint}")
        for part in blocks.keys() - PARTS:
            hint = did_you_mean(part, PARTS, f"there are {', '.join(PARTS)}")
            raise ComponentError(f"nets of '{name}' name '{part}': {hint}")


def rules_of(kind: str) -> list[Rule]:
    """The rules of one kind, in their order."""
    return [rule for (each, _), rule in RULES.items() if each == kind]


def _case(subject: Subject, rule: Rule) -> Case:
    def check() -> None:
        if rule.each_spec:
            subject.on_specs(rule.check)
        else:
            rule.check(subject)

    return Case(
        subject.plugin.name,
        f"{subject.declared.kind}/{subject.declared.name}",
        rule.name,
        rule.says,
        check,
        lambda: all_kinds.source_of(subject.target),
    )


def conformance(
    plugin: str,
    *,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    specs: Sequence[DataSpec] = (),
    examples: int = 5,
    nets: Mapping[str, Mapping[str, Any]] | None = None,
    registry: Registry | None = None,
) -> Callable[..., None]:
    """A pytest test that runs every rule for every component as a case of its own.

        test_plugin = conformance("my_plugin")

    Args:
        plugin: see `cases`.
        parameters: see `cases`.
        specs: see `cases`.
        examples: see `cases`.
        nets: see `cases`.
        registry: see `cases`.
    """
    import pytest

    every = cases(plugin, parameters=parameters, specs=specs, examples=examples, nets=nets, registry=registry)

    @pytest.mark.parametrize("case", every, ids=[case.name for case in every])
    def test_conformance(case: Case) -> None:
        __tracebackhide__ = True
        try:
            case.run()
        except NotChecked as reason:
            needed = case.rule == "builds" and not isinstance(reason.__cause__, MissingExtra)
            (pytest.fail if needed else pytest.skip)(str(reason))
        except Broken as problem:
            pytest.fail(str(problem), pytrace=False)

    return test_conformance
