"""The cases of a plugin: every rule for every component, to run under pytest or without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gantk.components.registry import Registry
from gantk.components.registry import installed_registry as installed
from gantk.errors import ComponentError, GantkError
from gantk.messages import did_you_mean
from gantk.spec import DataSpec
from gantk.testing.rule import DOCUMENT, RULES, Broken, NotChecked, Rule
from gantk.testing.rules import all_kinds, critics, datasets, losses, metrics_and_views, nets, objectives_and_callbacks
from gantk.testing.subject import Plugin, Subject

MODULES = (all_kinds, nets, critics, losses, datasets, metrics_and_views, objectives_and_callbacks)
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
    registry: Registry | None = None,
) -> list[Case]:
    """Every rule for every component that a plugin declares.

    Args:
        plugin: its name, which is the name of its entry point.
        parameters: values for its components, by short name or "kind/name": those that cannot be guessed, and
            small sizes that save time.
        specs: DataSpecs that are tried besides the drawn ones.
        examples: how many DataSpecs are drawn for a rule.
        registry: where it is found; None: what is installed.

    Raises:
        ComponentError: there is no such plugin, or it is broken.
    """
    registry = registry or installed()
    found = {each.name: each for each in registry.plugins if each.state != "refused"}
    if plugin not in found:
        hint = did_you_mean(plugin, found, f"installed are {', '.join(found)}")
        raise ComponentError(f"there is no plugin '{plugin}': {hint} (after a change of pyproject.toml, install again)")
    held = found[plugin]
    if held.state != "ok":
        raise ComponentError(f"{held.title} is {held.state}: {held.reason}\n{held.traceback}".rstrip())
    looked_at = Plugin(plugin, registry, parameters or {}, specs, examples)
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
    return [light, *(_case(subject, rule) for subject in subjects for rule in rules_of(subject.declared.kind))]


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
    registry: Registry | None = None,
) -> Callable[..., None]:
    """A pytest test that runs every rule for every component as a case of its own.

        test_plugin = conformance("my_plugin")

    Args:
        plugin: see `cases`.
        parameters: see `cases`.
        specs: see `cases`.
        examples: see `cases`.
        registry: see `cases`.
    """
    import pytest

    every = cases(plugin, parameters=parameters, specs=specs, examples=examples, registry=registry)

    @pytest.mark.parametrize("case", every, ids=[case.name for case in every])
    def test_conformance(case: Case) -> None:
        __tracebackhide__ = True
        outcome, text = case.outcome()
        if outcome == "not checked":
            (pytest.fail if case.rule == "builds" else pytest.skip)(text)
        if outcome == "broken":
            pytest.fail(text, pytrace=False)

    return test_conformance
