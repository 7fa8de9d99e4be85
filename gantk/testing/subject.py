"""Subject: the component that is looked at, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from gantk.components import construct
from gantk.components.registry import Declared, Registry
from gantk.components.signature import Parameter, parameters
from gantk.data import as_dataset
from gantk.errors import DoesNotFit, GantkError
from gantk.interfaces import Dataset
from gantk.spec import DataSpec
from gantk.testing import specs
from gantk.testing.rule import Broken, NotChecked


@dataclass
class Plugin:
    """The plugin that is looked at.

    Args:
        name: its name.
        registry: where it, and what it needs, is found.
        parameters: what the author says about components: short name, or "kind/name", to values.
        specs: DataSpecs that the author wants to be tried, besides those that are drawn.
        examples: how many DataSpecs are drawn for a rule.
        nets: what the author says of the nets that losses are looked at with: short name, or "loss/name", to blocks.
    """

    name: str
    registry: Registry
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    specs: Sequence[DataSpec] = ()
    examples: int = 5
    nets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def subjects(self) -> list[Subject]:
        """All components of the plugin."""
        return [Subject(each, self) for each in self.registry.components if each.plugin == self.name]

    @cached_property
    def datasets(self) -> list[dict[str, Dataset]]:
        """The plugin's own data sets that can be built here: split to data."""
        found = []
        for subject in self.subjects():
            if subject.declared.kind == "dataset":
                try:
                    found.append(subject.splits())
                except (Broken, NotChecked, GantkError):
                    continue  # its own cases tell
        return found


@dataclass
class Subject:
    """One component.

    Args:
        declared: what the plugin declares.
        plugin: the plugin.
        found: what one rule has found out and another may use.
    """

    declared: Declared
    plugin: Plugin
    found: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def target(self) -> Any:
        """The class or function."""
        return self.plugin.registry.load(self.declared)

    @property
    def given(self) -> dict[str, Any]:
        """What the author says about its parameters."""
        return dict(self._said(self.plugin.parameters))

    @property
    def nets(self) -> dict[str, Any]:
        """What the author says about the nets and data that a loss is looked at with."""
        return dict(self._said(self.plugin.nets))

    def _said(self, said: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
        kind, name = self.declared.kind, self.declared.name
        return said.get(f"{kind}/{name}", said.get(name, {}))

    def part(self, kind: str, block: str | Mapping[str, Any], **supplied: Any) -> Any:
        """Another component, as a recipe names it: "acme/encoder", or {"use": "acme/encoder", "width": 4}."""
        values = {"use": block} if isinstance(block, str) else dict(block)
        declared = self.plugin.registry.find(kind, values.pop("use", ""))
        return construct.build(declared, values, registry=self.plugin.registry, **supplied)

    def build(self, *, defaults: bool = False, **supplied: Any) -> Any:
        """An instance, with the author's parameters, or with defaults wherever there are some.

        Raises:
            NotChecked: it needs a parameter that nobody can guess.
        """
        values = self.given
        if defaults:
            required = {each.name for each in parameters(self.target) if each.required}
            values = {name: value for name, value in values.items() if name in required}
        for each in parameters(self.target):
            if each.required and each.name not in values:
                values[each.name] = self._guess(each)
        return construct.build(self.declared, values, registry=self.plugin.registry, **supplied)

    def _guess(self, parameter: Parameter) -> Any:
        """A component for a parameter that takes one: gantk's own first, that needs no parameters and is not this."""
        place = parameter.nested
        if place is not None and place.kind and not place.many:
            known = sorted(self.plugin.registry.of_kind(place.kind), key=lambda each: each.plugin != "basics")
            free = [
                each
                for each in known
                if each != self.declared and not any(p.required for p in parameters(self.plugin.registry.load(each)))
            ]
            if place.kind in ("generator", "critic", "net"):  # the one that takes most kinds of samples
                free.sort(key=lambda each: -len(Subject(each, self.plugin).families))
            if free:
                return {"use": free[0].full}
        raise NotChecked(
            f"{self.declared.full} needs '{parameter.name}' ({parameter.type_text}), which cannot be guessed: write "
            f"conformance({self.plugin.name!r}, parameters={{{self.declared.name!r}: {{{parameter.name!r}: …}}}})"
        )

    def net(self, spec: DataSpec, seed: int = 0) -> nn.Module:
        """The net for `spec`, its weights drawn with `seed`."""
        torch.manual_seed(seed)
        return self.build(spec=spec)

    def splits(self) -> dict[str, Dataset]:
        """A data set's three splits."""
        return {split: as_dataset(self.build(split=split)) for split in ("train", "validation", "test")}

    def takes(self, spec: DataSpec) -> bool:
        """Whether it can be built for `spec`: it refuses by DoesNotFit; any other error is one."""
        if spec not in self._known:
            try:
                if self.declared.kind == "objective":
                    self.build(spec=spec, data=None, seed=0)
                else:
                    with torch.device("meta" if self.declared.kind in ("generator", "critic") else "cpu"):
                        self.build(spec=spec)
            except DoesNotFit as error:
                self.found["refusal"] = str(error)
                self._known[spec] = False
            else:
                self._known[spec] = True
        return self._known[spec]

    @cached_property
    def _known(self) -> _BySpec:
        return _BySpec()

    @cached_property
    def own_specs(self) -> list[DataSpec]:
        """Those it takes of the specs that the author names, and of the plugin's own data sets."""
        every = [*self.plugin.specs, *(data["train"].spec for data in self.plugin.datasets)]
        return [spec for spec in every if self.takes(spec)]

    @cached_property
    def families(self) -> list[Callable[[specs.Pick], DataSpec]]:
        """The families of which it takes at least one spec."""
        return [each for each in specs.FAMILIES if any(map(self.takes, specs.at_random(12, [each])))]

    def on_specs(self, check: Callable[[Subject, DataSpec], None]) -> None:
        """Runs `check` on the plugin's own specs and on drawn ones.

        Raises:
            Broken: it takes none, or what `check` raises, with the spec.
        """
        self.insist()

        def told(spec: DataSpec) -> None:
            try:
                check(self, spec)
            except Broken as error:
                raise Broken(f"{error}\n    with: {spec_in_words(spec)}") from error

        for spec in self.own_specs:
            told(spec)
        if self.families:
            specs.for_each(self.families, self.takes, told, self.plugin.examples)

    def insist(self) -> None:
        """Raises `Broken` where it takes no spec at all."""
        if not self.families and not self.own_specs:
            raise Broken(
                "expected: a component that takes at least one of the DataSpecs that are drawn\n"
                f"     got: DoesNotFit for all of them, the last time because {self.found.get('refusal')}\n"
                f"    hint: name what it is for: conformance({self.plugin.name!r}, specs=[DataSpec(…)])"
            )

    def a_spec(self) -> DataSpec:
        """One spec that it takes."""
        self.insist()
        return next(self.some_specs())

    def some_specs(self) -> Iterator[DataSpec]:
        """Its own specs, then one of each family."""
        yield from self.own_specs
        for family in self.families:
            yield next(spec for spec in specs.at_random(12, [family]) if self.takes(spec))


class _BySpec(dict[Any, bool]):
    """Values by DataSpec, which is not hashable itself."""

    def __contains__(self, spec: object) -> bool:
        return super().__contains__(spec.to_json())  # type: ignore[attr-defined]

    def __getitem__(self, spec: DataSpec) -> bool:
        return super().__getitem__(spec.to_json())

    def __setitem__(self, spec: DataSpec, value: bool) -> None:
        super().__setitem__(spec.to_json(), value)


def spec_in_words(spec: DataSpec) -> str:
    """A spec in one line, without what it leaves at its default."""
    plain = DataSpec(spec.shape, spec.axes)
    names = ("unit_axes", "range", "categorical", "names", "classes", "condition_shape")
    said = [f", {name}={getattr(spec, name)}" for name in names if getattr(spec, name) != getattr(plain, name)]
    return f"DataSpec({spec.shape}, {spec.axes}{''.join(said)})"


def with_units(spec: DataSpec, units: int) -> DataSpec:
    """The same, `units` times as one sample."""
    return replace(spec, shape=(units, *spec.shape), axes=("unit", *spec.axes), unit_axes=1, names={})
