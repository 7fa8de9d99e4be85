"""DataSpecs of the families that there are data of, drawn by hypothesis, or at random where it is not installed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gantk.spec import DataSpec

Pick = Callable[[Sequence[Any]], Any]
SIDES = ((8, 8), (16, 16), (8, 16), (12, 20), (24, 40), (9, 13), (28, 28))


def points(pick: Pick) -> DataSpec:
    """Points of 2 to 5 coordinates; of 2, in the plane."""
    return DataSpec((pick((2, 3, 5)),), ("coordinate",), range=None)


def images(pick: Pick) -> DataSpec:
    """Images of 1 to 4 channels."""
    return DataSpec((pick((1, 2, 3, 4)), *pick(SIDES)), ("channel", "y", "x"), range=pick(((-1.0, 1.0), (0.0, 1.0))))


def images_in_units(pick: Pick) -> DataSpec:
    """1 to 4 images, each a unit."""
    shape = (pick((2, 3, 4)), pick((1, 2, 3)), *pick(SIDES))
    return DataSpec(shape, ("protein", "channel", "y", "x"), unit_axes=1, range=(-1.0, 1.0))


def points_in_units(pick: Pick) -> DataSpec:
    """Points, each a unit, on one or two unit axes."""
    if pick((True, False)):
        return DataSpec((2, 3, pick((2, 5))), ("row", "column", "coordinate"), unit_axes=2, range=(0.0, 1.0))
    return DataSpec((pick((2, 4)), pick((2, 3))), ("tower", "coordinate"), unit_axes=1, range=None)


def strings(pick: Pick) -> DataSpec:
    """Strings of numbers between 0 and 1."""
    return DataSpec((1, pick((16, 24, 33, 64))), ("channel", "position"), range=(0.0, 1.0))


def letters(pick: Pick) -> DataSpec:
    """One-hot letters, of alphabets of 2 to 20."""
    length = pick((12, 21, 30, 50))
    alphabet = pick(("ACGT", "ACGT", "01", "ABCDE", "ACDEFGHIKLMNPQRSTVWY"))
    axes = ("base" if alphabet == "ACGT" else "letter", "position")
    return DataSpec((len(alphabet), length), axes, range=(0.0, 1.0), categorical=True, names={axes[0]: tuple(alphabet)})


FAMILIES = (points, images, images_in_units, points_in_units, strings, letters)


def drawn(pick: Pick, families: Sequence[Callable[[Pick], DataSpec]] = FAMILIES) -> DataSpec:
    """A DataSpec of one of the families, perhaps with classes.

    Args:
        pick: chooses one of several.
        families: to choose from.
    """
    spec = pick(families)(pick)
    return replace(spec, classes=pick(((), (), ("one", "two", "three"))))


def at_random(count: int, families: Sequence[Callable[[Pick], DataSpec]] = FAMILIES) -> list[DataSpec]:
    """The same `count` DataSpecs every time."""
    chooser = random.Random(0)
    return [drawn(chooser.choice, families) for _ in range(count)]


def for_each(
    families: Sequence[Callable[[Pick], DataSpec]],
    takes: Callable[[DataSpec], bool],
    check: Callable[[DataSpec], None],
    examples: int,
) -> None:
    """Runs `check` on several DataSpecs of `families` that the component takes; hypothesis shrinks what fails.

    Args:
        families: at least one.
        takes: whether the component takes a spec.
        check: raises where a rule is broken.
        examples: how many.
    """
    try:
        import hypothesis
        from hypothesis import strategies
    except ImportError:
        for spec in [each for each in at_random(20 * examples, families) if takes(each)][:examples]:
            check(spec)
        return

    @strategies.composite
    def specs(draw: Callable[..., Any]) -> DataSpec:
        return drawn(lambda options: draw(strategies.sampled_from(list(options))), families)

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(specs().filter(takes))
    def checked(spec: DataSpec) -> None:
        check(spec)

    checked()
