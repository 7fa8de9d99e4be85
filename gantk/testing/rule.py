"""The rules of a plugin's components: a name, the kinds it is for, what it says, and the function that checks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

DOCUMENT = "docs/plugins.md"


class Broken(AssertionError):
    """A component breaks a rule."""


class NotChecked(Exception):
    """A rule cannot be checked here; the message says why."""


@dataclass(frozen=True)
class Rule:
    """One rule.

    Args:
        name: what the case and the row in the documentation are called.
        kinds: which kinds of component it is for.
        says: the rule in one sentence, as it stands in the documentation.
        check: raises `Broken`; takes a Subject, and a DataSpec too where `each_spec`.
        each_spec: whether it is checked on several DataSpecs that the component takes.
    """

    name: str
    kinds: tuple[str, ...]
    says: str
    check: Callable[..., None]
    each_spec: bool = False


RULES: dict[tuple[str, str], Rule] = {}
"""(kind, name) to rule, in the order in which they are checked."""


def rule(
    name: str, *kinds: str, says: str, each_spec: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers the decorated function as a rule of these kinds.

    Args:
        name: see `Rule`.
        kinds: see `Rule`.
        says: see `Rule`.
        each_spec: see `Rule`.
    """

    def register(check: Callable[..., None]) -> Callable[..., None]:
        made = Rule(name, kinds, says, check, each_spec)
        for kind in kinds:
            assert (kind, name) not in RULES, f"two rules of {kind} are called {name}"
            RULES[kind, name] = made
        return check

    return register


def demand(held: bool, expected: str, came: Any) -> None:
    """Raises `Broken` with what was expected and what came, unless it held."""
    if not held:
        raise Broken(f"expected: {expected}\n     got: {came}")


def demand_shape(tensor: Any, shape: tuple[int, ...], what: str) -> None:
    """`tensor` must be a floating tensor of this shape that holds finite numbers only."""
    demand(isinstance(tensor, Tensor), f"{what}, a tensor", type(tensor).__name__)
    demand(tuple(tensor.shape) == shape, f"{what} of shape {shape}", f"shape {tuple(tensor.shape)}")
    demand(tensor.is_floating_point(), f"{what}, floating", tensor.dtype)
    demand_finite(tensor, what)


def demand_finite(tensor: Tensor, what: str) -> None:
    """`tensor` must hold finite numbers only."""
    wrong = int((~tensor.isfinite()).sum())
    demand(wrong == 0, f"{what}, all finite", f"{wrong} of {tensor.numel()} are NaN or infinite")
