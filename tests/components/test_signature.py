"""Parameters of a component: its own, and those of the base classes that it passes `**options` on to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from gantk.components.signature import parameters, supplied


class Tower:
    """A tower.

    Args:
        towers: how many.
        width: channels.
        bias: gives it a bias.
    """

    def __init__(self, towers: int, *, width: Annotated[int, Ge(1)] = 64, bias: bool = False):
        self.given = (towers, width, bias)


class Wide(Tower):
    """A wider one.

    Args:
        width: channels of each.
        depth: layers.
        options: of `Tower`.
    """

    def __init__(self, spec: Any, *, width: Annotated[int, Ge(8)] = 128, depth: int = 2, **options: Any):
        super().__init__(3, width=width, **options)


class Deep(Wide):
    """Passes all on."""

    def __init__(self, spec: Any, **options: Any):
        super().__init__(spec, **options)


class Closed(Wide):
    """Takes nothing more."""

    def __init__(self, spec: Any, *, depth: int = 1):
        super().__init__(spec, depth=depth)


def test_options_that_are_passed_on_are_parameters_of_the_base_class() -> None:
    for target in (Wide, Deep):
        assert [(each.name, each.default, each.type_text, each.help) for each in parameters(target)] == [
            ("width", 128, "integer >= 8", "channels of each."),
            ("bias", False, "true | false", "gives it a bias."),
            ("depth", 2, "integer", "layers."),
        ]
        assert supplied(target) == ("spec",)
    assert Deep(None, bias=True).given == (3, 128, True)


def test_without_options_only_its_own_are() -> None:
    assert [each.name for each in parameters(Closed)] == ["depth"]


def test_a_function_and_a_dataclass_have_their_own() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Block:
        width: int = 3

    def function(spec: Any, *, width: int = 4, **options: Any) -> None: ...

    assert [[each.default for each in parameters(target)] for target in (Block, function)] == [[3], [4]]
