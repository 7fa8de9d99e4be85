"""Every component of `basics` can be found, built from its defaults, and explains all of its parameters."""

import inspect
import re
from importlib import import_module

import pytest
from gantk_basics.plugin import gantk_components

from gantk.plugin import Component

COMPONENTS = list(gantk_components())


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: f"{component.kind} {component.name}")
def test_component_is_documented(component: Component) -> None:
    assert len(component.summary) <= 45  # `gantk list` at 80 columns
    module, _, attribute = component.target.partition(":")
    target = getattr(import_module(module), attribute)
    assert target.__doc__
    for name, parameter in inspect.signature(target).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue  # a class without an __init__ of its own
        assert re.search(rf"^ +{name}: \S", target.__doc__, re.MULTILINE), name
        assert parameter.annotation is not inspect.Parameter.empty, name


def test_names_are_not_declared_twice() -> None:
    names = [(component.kind, component.name) for component in COMPONENTS]
    assert len(set(names)) == len(names)
