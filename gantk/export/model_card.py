"""The model card: what a model is, from what, how good, what it is not for: all that checkpoint and run know."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from gantk.api.model import Model
from gantk.errors import FileError
from gantk.evaluation.results import ARROWS, Results, counts, from_json, interval
from gantk.export.citations import cited
from gantk.files.atomic import read_json
from gantk.files.find_run import run_around
from gantk.files.run_folder import RunFolder
from gantk.messages import without_escapes
from gantk.recipe.recipe import recipe_from_text

HEADINGS = ("metric", "generated", "better", "reference", "which is", "95 %", "n (generated / real)")


def model_card(model: Model, source: Path, authors: Sequence[str] = (), licence: str = "") -> str:
    """The model card of a loaded model, Markdown with front matter.

    Args:
        model: loaded.
        source: its run folder or checkpoint; the run around it says what it was evaluated to.
        authors: of the model, by name.
        licence: of the model, an SPDX identifier.
    """
    values = model.recipe.values
    run = _run(source)
    judged = {} if run is None else run.judged()
    environment = {} if run is None else _environment(run)
    recipe = recipe_from_text(model.checkpoint.recipe, name=model.recipe.name)
    generator = values["generator"] or {}
    parameters = sum(each.numel() for each in model.generator.parameters())
    template = Environment(
        loader=PackageLoader("gantk"), autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_visible
    ).get_template("model_card.md.j2")
    return template.render(
        name=source.stem if source.suffix else source.name,
        about=values["about"],
        step=model.checkpoint.step,
        evaluated_step=judged.get("step"),
        values=values,
        generator=generator,
        parameters=f"{parameters:,}",
        average=values["train"]["ema"] is not None or values["train"]["ema_half_life"] is not None,
        data=values["data"],
        authors=authors,
        model_licence=licence,
        licence=values["data"].get("licence") or values["data"].get("license") or "",
        sizes=environment.get("data", {}),
        origin=model.spec.origin,
        shape=" × ".join(map(str, model.spec.shape)),
        axes=", ".join(model.spec.axes),
        range=model.spec.range,
        classes=model.spec.classes,
        summaries=judged.get("summaries", []),
        headings=HEADINGS,
        rows=_rows(from_json(judged.get("values", {}))),
        seed=values["seed"],
        machine=environment.get("device", ""),
        version=metadata.version("gantk"),
        digest=model.checkpoint.digest,
        plugins=model.checkpoint.plugins,
        citations=cited(recipe),
        recipe=model.checkpoint.recipe.strip(),
    )


def _visible(value: Any) -> Any:
    return without_escapes(value) if isinstance(value, str) else value


def _run(source: Path) -> RunFolder | None:
    """The run that a model comes from, where it is one of a run folder."""
    path = source if source.is_dir() else run_around(source)
    try:
        return None if path is None else RunFolder(path)
    except FileError:
        return None


def _environment(run: RunFolder) -> dict[str, Any]:
    try:
        return read_json(run.path / "env.json", "")
    except FileError:
        return {}


def _rows(results: Results) -> list[list[str]]:
    """The metric table, with bars of tables written as letters."""
    rows = []
    for entry, values in results.items():
        for name, value in values.items():
            reference = "" if value.reference is None else f"{value.reference:.4g}"
            row = [f"{entry}.{name}", f"{value.value:.4g}", ARROWS[value.better], reference, value.note]
            rows.append([cell.replace("|", "\\|") for cell in [*row, interval(value), counts(value)]])
    return rows
