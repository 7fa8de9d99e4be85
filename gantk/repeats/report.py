"""report.html of several seeds: their numbers with spread, their curves as bands, and a link to each run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from gantk import plots
from gantk.evaluation.results import ARROWS, from_json
from gantk.files.atomic import read_json, write_text
from gantk.files.run_folder import RunFolder
from gantk.repeats.folder import RepeatsFolder
from gantk.repeats.statistics import by_name, mean_curve, spread
from gantk.reporting.report import page, picture_source, readable_pictures

MOST_PICTURES = 12
MOST_CHARTS = 16


def write_repeats_report(folder: RepeatsFolder) -> Path:
    """Writes the report on all seeds from what stands in their run folders, and returns its path."""
    write_text(folder.report, page("repeats.html.j2", _content(folder)))
    return folder.report


def tables_of(folder: RepeatsFolder) -> dict[int, dict]:
    """Seed to the metric table that its run ended with; those that have none yet are left out."""
    found = {seed: from_json(run.judged().get("values", {})) for seed, run in folder.runs().items()}
    return {seed: table for seed, table in found.items() if table}


def _content(folder: RepeatsFolder) -> dict[str, Any]:
    runs, tables = folder.runs(), tables_of(folder)
    values = folder.recipe().values
    damaged: list[str] = []
    states = [_state(folder, seed, runs.get(seed)) for seed in folder.seeds]
    done = sum(state["ended"] == "evaluated" for state in states)
    where = shlex.quote(str(folder.path))
    first = shlex.quote(str(folder.run_path(folder.seeds[0])))
    return {
        "name": folder.name,
        "seeds": folder.seeds,
        "about": values["about"] or "",
        "headline": f"{done} of {len(folder.seeds)} runs are finished and evaluated.",
        "warnings": _warnings(runs) + damaged,
        "evaluated": list(tables),
        "rows": _rows(tables),
        "charts": _charts(runs),
        "runs": states,
        "pictures": _pictures(runs, damaged),
        "commands": [f"gantk compare {where}", f"gantk sample {first} -n 64 -o samples.h5"],
        "recipe": folder.recipe_file.read_text(encoding="utf-8"),
    }


def _state(folder: RepeatsFolder, seed: int, run: RunFolder | None) -> dict[str, Any]:
    path = folder.run_path(seed)
    if run is None:
        return {"seed": seed, "step": "", "ended": "not begun", "folder": path.name, "report": ""}
    happened = list(run.lines(run.history))
    last = str(happened[-1]["event"]) if happened else "started"
    step = max((line["step"] for line in run.lines()), default=0)
    report = f"{path.name}/report.html" if (path / "report.html").exists() else ""
    ended = "evaluated" if last == "judged" else last
    return {"seed": seed, "step": f"{step:,}", "ended": ended, "folder": path.name, "report": report}


def _warnings(runs: Mapping[int, RunFolder]) -> list[str]:
    """What a reader must know before the numbers."""
    found = []
    origins = {str(read_json(run.path / "env.json", "").get("data_origin", "real")) for run in runs.values()}
    for origin in sorted(origins - {"real"}):
        found.append(f"The data are {origin}, not real. What is generated here is modelled on a simulation.")
    for seed, run in runs.items():
        if any(line.get("collapse_warning") for line in run.lines()):
            found.append(f"Mode collapse was suspected in the run of seed {seed}; its own report says when.")
        last = [*run.lines(run.history)][-1:]
        if last and last[0]["event"] in ("diverged", "interrupted", "failed"):
            found.append(
                f"The run of seed {seed} {last[0]['event']} at step {last[0]['step']:,}. {last[0].get('reason', '')}"
            )
    return found


def _rows(tables: Mapping[int, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, values in by_name(tables).items():
        found = spread(values)
        rows.append(
            {
                "name": name,
                "mean": f"{found.mean:.4g}" + (f" ± {found.sd:.2g}" if found.n > 1 else ""),
                "n": found.n,
                "reference": "" if found.reference is None else f"{found.reference:.4g}",
                "better": f"{found.better} {ARROWS[found.better]}" if found.better else "",
                "by_seed": [f"{found.by_seed[seed]:.4g}" if seed in found.by_seed else "" for seed in tables],
            }
        )
    return rows


def _charts(runs: Mapping[int, RunFolder]) -> list[dict[str, Any]]:
    """Each chart of a run's report, with the mean over the seeds as its lines and the spread as their bands."""
    drawn: dict[str, dict[str, list[plots.Curve]]] = {}
    for run in runs.values():
        for chart in plots.charts(run.lines()):
            for name, curve in chart.curves.items():
                drawn.setdefault(chart.title, {}).setdefault(name, []).append(curve)
    found = []
    for number, (title, curves) in enumerate([*drawn.items()][:MOST_CHARTS]):
        lines, bands = {}, {}
        for name, of_seeds in curves.items():
            steps, mean, low, high = mean_curve(of_seeds)
            if len(steps):
                lines[name] = (steps.tolist(), mean.tolist())
                bands[name] = (steps.tolist(), low.tolist(), high.tolist())
        if lines:
            svg = Markup(plots.chart_svg(plots.Chart(title, lines, bands=bands), f"chart-{number}"))
            found.append({"title": title, "svg": svg})
    return found


def _pictures(runs: Mapping[int, RunFolder], damaged: list[str]) -> list[dict[str, Any]]:
    paths = {run.samples / "generated.png": seed for seed, run in runs.items()}
    there = readable_pictures([path for path in paths if path.exists()][:MOST_PICTURES], damaged)
    return [{"seed": paths[path], "source": picture_source(path)} for path in there]
