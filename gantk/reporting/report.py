"""report.html: one self-contained page about a run. It opens from disk, needs no network, and asks for none."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from PIL import Image

from gantk import plots
from gantk.errors import FileError, RecipeError
from gantk.evaluation.results import ARROWS, RequiredValue, Results, bars, counts, from_json, interval
from gantk.files.atomic import read_json, write_text
from gantk.files.pictures import evenly, size_of
from gantk.files.run_folder import RunFolder
from gantk.interfaces import Value
from gantk.messages import without_escapes
from gantk.recipe.recipe import leaves
from gantk.reporting import report_text
from gantk.reporting.pictures import metric_pictures
from gantk.reporting.walks import read_walks

FRAMES = 30  # pictures over training at most; of more, some are left out evenly
PRINTED = 3  # of them that stand on paper, where no slider moves
WIDE = 1000  # pixels; wider ones get the whole width of the page, unless they are of a part
WIDE_PANEL = 600
SMALL = 0.72  # size of validation curves beside the others, as their columns are narrower
MOST_SHOWN = 12  # validation curves that are open at first

CAPTIONS = {"generated": "Generated", "data": "The data"}


def write_report(folder: RunFolder) -> Path:
    """Writes report.html from what stands in the run folder, and returns its path."""
    path = folder.path / "report.html"
    write_text(path, page("report.html.j2", _content(folder)))
    return path


def page(template: str, content: Mapping[str, Any]) -> str:
    """A page from a template of gantk's: texts are escaped, and control characters in them made visible."""
    return _environment().get_template(template).render(content)


@cache
def _environment() -> Environment:
    """Keeps the templates that it has compiled, for processes that write several pages."""
    return Environment(
        loader=PackageLoader("gantk"), autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=_visible
    )


def _visible(value: Any) -> Any:
    """Control characters and the like as visible text; what is markup already stays as it is."""
    return without_escapes(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _content(folder: RunFolder) -> dict[str, Any]:
    judged = folder.judged()
    env = json.loads((folder.path / "env.json").read_text(encoding="utf-8"))
    resolved = yaml.safe_load(folder.resolved())
    origins = json.loads(folder.origins.read_text(encoding="utf-8")) if folder.origins.exists() else {}
    results = from_json(judged.get("values", {}))
    history = list(folder.lines(folder.history))
    script = (resources.files("gantk") / "templates" / "report.js").read_text(encoding="utf-8")
    damaged: list[str] = []
    frames, frame_count = _frames(folder, damaged)
    pictures, panels = _pictures(folder, damaged), _panels(folder, damaged)
    numbers = report_text.Numbers(folder.lines())
    charts, more_charts = _charts(numbers, results, resolved)
    metrics, mistakes = _metrics(resolved, results)
    folder_name = shlex.quote(str(folder.path))
    return {
        "name": folder.path.name,
        "name_in_shell": folder_name,
        "about": resolved.get("about", ""),
        "headline": report_text.headline(numbers, resolved),
        "judged_step": judged.get("step"),
        "warnings": report_text.warnings(numbers, history, env, resolved, judged.get("step")) + mistakes + damaged,
        "summaries": judged.get("summaries", []),
        "metrics": metrics,
        "missed": sum(not bar.met for group in metrics for row in group["rows"] for bar in row["bars"]),
        "barred": sum(len(row["bars"]) for group in metrics for row in group["rows"]),
        "pictures": pictures,
        "panels": panels,
        "walks": walks_shown(folder, damaged),
        "metric_pictures": _metric_pictures(folder, resolved, damaged),
        "frames": frames,
        "frame_count": frame_count,
        "charts": charts,
        "more_charts": more_charts,
        "facts": report_text.facts(resolved, env),
        "times": report_text.times(numbers, history, resolved),
        "events": history,
        "recipe": (folder.path / "recipe.yaml").read_text(encoding="utf-8"),
        "resolved": _inline(folder.resolved().encode(), "text/yaml"),
        "values": [(path, json.dumps(value), origins.get(path, "")) for path, value in leaves(resolved)],
        "environment": json.dumps(env, indent=2),
        "commands": [
            f"gantk run {folder_name}/resolved.yaml",
            f"gantk sample {folder_name} -n 64 -o samples.h5",
            f"gantk evaluate {folder_name}",
        ],
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def _metrics(resolved: dict[str, Any], results: Results) -> tuple[list[dict[str, Any]], list[str]]:
    """The metric table, an entry after another, and what is wrong with the bars."""
    blocks = {block["name"]: block for block in resolved.get("evaluate") or []}
    groups, mistakes = [], []
    for entry, values in results.items():
        block = blocks.get(entry, {})
        found: list[RequiredValue] = []
        for key, bar in (block.get("require") or {}).items():
            try:
                found += bars(entry, {key: bar}, values)
            except RecipeError as error:
                mistakes.append(str(error))
        rows = [
            {
                "name": name,
                "value": f"{value.value:.4g}",
                "better": _better(value),
                "reference": "" if value.reference is None else f"{value.reference:.4g}",
                "note": value.note,
                "interval": interval(value),
                "n": counts(value),
                "bars": [bar for bar in found if bar.name == name],
            }
            for name, value in values.items()
        ]
        groups.append({"name": entry, "use": block.get("use", ""), "rows": rows})
    return groups, mistakes


def _better(value: Value) -> str:
    return f"{value.better} {ARROWS[value.better]}" if value.better else ""


def _directed(value: Value | None) -> bool:
    """Whether a value has a direction; one that is known from validation alone counts as having one."""
    return value is None or value.better is not None


def _charts(numbers: report_text.Numbers, results: Results, resolved: dict[str, Any]) -> tuple[list[dict], list[dict]]:
    """The curves that are shown, and those that are shown on demand."""
    values = {f"{entry}.{name}": value for entry, found in results.items() for name, value in found.items()}
    references = {name: value.reference for name, value in values.items() if value.reference is not None}
    charts = plots.charts(numbers.passing(), references)
    names = {curve for line in numbers.others if line.get("split") for curve in line}
    rate = report_text.rate_chart(resolved, numbers)
    directed = [chart for chart in charts if chart.title in names and _directed(values.get(chart.title))]
    set_ones = ([rate] if rate else []) + report_text.schedule_charts(resolved, numbers)
    shown = [chart for chart in charts if chart.title not in names] + set_ones + directed[:MOST_SHOWN]
    drawn = [
        {
            "title": chart.title,
            "better": _better(values[chart.title]) if chart.title in names and chart.title in values else "",
            "validation": chart.title in names,
            "svg": Markup(plots.chart_svg(chart, f"chart-{number}", SMALL if chart.title in names else 1.0)),
        }
        for number, chart in enumerate(shown + [chart for chart in charts if chart not in shown])
    ]
    return drawn[: len(shown)], drawn[len(shown) :]


def _frames(folder: RunFolder, damaged: list[str]) -> tuple[list[dict[str, Any]], int]:
    """Pictures over training, and how many there are in the run folder."""
    paths = readable_pictures(folder.step_pictures(), damaged)
    chosen = evenly(paths, FRAMES)
    printed = evenly(chosen, PRINTED)
    wide = bool(chosen) and _width(chosen[0]) > WIDE
    return [
        {
            "step": int(path.stem.removeprefix("step-")),
            "printed": path in printed,
            "wide": wide,
            "source": picture_source(path),
        }
        for path in chosen
    ], len(paths)


def readable_pictures(paths: Iterable[Path], damaged: list[str]) -> list[Path]:
    """Those pictures that can be opened; the others (a full disk leaves some of 0 bytes) are named in `damaged`."""
    found = []
    for path in paths:
        try:
            _width(path)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            damaged.append(f"{path.name} cannot be read and is left out ({type(error).__name__}).")
        else:
            found.append(path)
    return found


def _pictures(folder: RunFolder, damaged: list[str]) -> list[dict[str, Any]]:
    """What else is drawn, by its part ("" for the whole): the data and what was generated."""
    parts: dict[str, list[dict[str, Any]]] = {}
    order = list(CAPTIONS)
    known = [path for path in sorted(folder.samples.glob("*.png")) if path.stem.partition("-")[0] in order]
    paths = readable_pictures(known, damaged)
    for path in sorted(paths, key=lambda path: order.index(path.stem.partition("-")[0])):
        kind, _, part = path.stem.partition("-")
        wide = not part and _width(path) > WIDE
        parts.setdefault(part, []).append({"caption": CAPTIONS[kind], "wide": wide, "source": picture_source(path)})
    return [{"part": part, "pictures": pictures} for part, pictures in sorted(parts.items())]


def _metric_pictures(folder: RunFolder, resolved: dict[str, Any], damaged: list[str]) -> list[dict[str, Any]]:
    """What metrics drew, the last one of each name, and with it some of those before."""
    entries = {block["name"] for block in resolved.get("evaluate") or []}
    found = []
    for title, drawn in metric_pictures(folder.samples, entries).items():
        readable = readable_pictures([path for _, path in drawn], damaged)
        shown = [
            {
                "when": "at the end, test split" if step is None else f"step {step:,}, validation split",
                "source": picture_source(path),
            }
            for step, path in evenly([each for each in drawn if each[1] in readable], MOST_SHOWN)
        ]
        if shown:
            wide = _width(drawn[-1][1]) > WIDE_PANEL
            found.append({"title": title, "wide": wide, "last": shown[-1], "earlier": shown[:-1]})
    return found


def _panels(folder: RunFolder, damaged: list[str]) -> list[dict[str, Any]]:
    """What the view of these data says of many samples; names in panels.json are of files beside it."""
    if not folder.panels.exists():
        return []
    panels = []
    try:
        listed = read_json(folder.panels, "Remove it")
    except FileError as error:
        damaged.append(str(error))
        return []
    for name, panel in listed.items():
        path = folder.samples / Path(name).name
        if path.name != name or not isinstance(panel, dict):
            damaged.append(f"panels.json names {name!r}, which is no picture beside it: left out.")
        elif path.suffix == ".svg" and path.is_file():
            panels.append({**panel, "svg": Markup(path.read_text(encoding="utf-8", errors="replace")), "wide": False})
        elif path.suffix == ".png" and path.is_file() and readable_pictures([path], damaged):
            panels.append({**panel, "source": picture_source(path), "wide": _width(path) > WIDE_PANEL})
    return panels


def walks_shown(folder: RunFolder, damaged: list[str]) -> dict[str, Any]:
    """A sample moved along a few directions: a picture each with its frames side by side; {} where none are drawn."""
    try:
        about = read_walks(folder.samples)
    except FileError as error:
        damaged.append(str(error))
        return {}
    if about is None:
        return {}
    paths = {folder.samples / Path(name).name: walk for name, walk in about["walks"].items()}
    there = readable_pictures([path for path in paths if path.is_file()], damaged)
    strips = [{**paths[path], "source": picture_source(path)} for path in there]
    return {**about, "strips": strips, "wide": about["width"] > WIDE_PANEL} if strips else {}


def _width(path: Path) -> int:
    return size_of(path)[0]


def picture_source(path: Path) -> str:
    """A picture as the source of an image in a page."""
    return _inline(path.read_bytes(), "image/png")


def _inline(content: bytes, kind: str) -> str:
    return f"data:{kind};base64," + base64.b64encode(content).decode("ascii")
