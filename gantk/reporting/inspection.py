"""Which data set `gantk inspect` asks about a path, and whether the recipe that it proposes is accepted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantk import console
from gantk.class_counts import class_counts, too_few
from gantk.components.inspectors import option_names
from gantk.components.registry import installed_registry
from gantk.errors import DoesNotFit, FileError, GantkError
from gantk.interfaces import Inspection, Inspector, InspectRequest
from gantk.recipe.recipe import recipe_from_text
from gantk.training import from_recipe


def inspected(request: InspectRequest, options: Mapping[str, Any], inspectors: Mapping[str, Inspector]) -> Inspection:
    """What the data set that reads the path says of it.

    Args:
        request: the path, and what is decided already.
        options: by name, without those that nobody set.
        inspectors: those that can be asked, by the full name of their data set.

    Raises:
        GantkError: no data set reads it, or several do, or it has no such option.
    """
    name, inspector = _inspector(request, inspectors, options)
    known = option_names(inspector)
    for option in options:
        if option not in known:
            theirs = ", ".join(each for each, other in inspectors.items() if option in option_names(other))
            raise DoesNotFit(f"{request.path} is read by {name}; --{option} is an option of {theirs}")
    return inspector.inspect(request, **options)


def _inspector(
    request: InspectRequest, every: Mapping[str, Inspector], options: Mapping[str, Any]
) -> tuple[str, Inspector]:
    fitting = {name: each for name, each in every.items() if each.reads(request.path)}
    if "use" in request.data:
        wanted = installed_registry().find("dataset", str(request.data["use"]))
        same = [name for name in (*fitting, *every) if name == wanted.full]
        same += [name for name in fitting if name.startswith(f"{wanted.plugin}/")]
        if not same:
            raise DoesNotFit(f"{wanted.full} cannot inspect {request.path}; there are {', '.join(every)}")
        return same[0], every[same[0]]
    if not fitting:
        raise FileError(
            f"{request.path}: no installed data set says that it reads this; those that can be asked: "
            f"{', '.join(every)} (`gantk show NAME` says what each reads)"
        )
    if len(fitting) > 1:  # an option that one of them alone has says which is meant
        fitting = {name: each for name, each in fitting.items() if {*options} <= {*option_names(each)}} or fitting
    if len(fitting) > 1:
        lines = "".join(f"\n  gantk inspect {shlex.quote(str(request.path))} data.use={name}" for name in fitting)
        raise FileError(f"{request.path} can be read as several kinds of data; say as which:{lines}")
    return next(iter(fitting.items()))


def warnings_of_recipe(text: str) -> list[str]:
    """Reads the data of a proposed recipe and builds its nets, as `gantk run` will; caches stay for that.

    Returns:
        What a run would warn of.

    Raises:
        DoesNotFit: a run would refuse it.
    """
    try:
        with console.collected() as said:
            recipe = recipe_from_text(text)
            data = from_recipe.datasets(recipe.values)
            from_recipe.initial_state(recipe.values, data["train"].spec, "cpu")
    except GantkError as error:
        raise DoesNotFit(f"no recipe is written, since a run would refuse it:\n{error}") from error
    return [*said, *too_few(class_counts(data["train"]), class_counts(data["test"]))]


def write_recipe(found: Inspection, path: Path) -> DoesNotFit | None:
    """Tries the recipe and writes it; what a run would warn of is added to the advice.

    Returns:
        Why a run would refuse it; it is then not written.
    """
    try:
        found.advice += warnings_of_recipe(found.recipe)
    except DoesNotFit as error:
        return error
    path.write_text(found.recipe, encoding="utf-8")
    return None
