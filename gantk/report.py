"""report.html: one self-contained page about a run. It opens from disk and needs no network."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from gantk import plots
from gantk.evaluate import HEADINGS, from_json, rows
from gantk.folder import RunFolder
from gantk.recipe import leaves


def write_report(folder: RunFolder) -> Path:
    """Writes report.html from what stands in the run folder, and returns its path."""
    environment = Environment(loader=PackageLoader("gantk"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    path = folder.path / "report.html"
    path.write_text(environment.get_template("report.html.j2").render(_content(folder)), encoding="utf-8")
    return path


def _content(folder: RunFolder) -> dict[str, Any]:
    lines = list(folder.lines())
    judged = json.loads(folder.evaluation.read_text(encoding="utf-8")) if folder.evaluation.exists() else None
    env = json.loads((folder.path / "env.json").read_text(encoding="utf-8"))
    timed = [line for line in lines if "seconds" in line]
    resolved = yaml.safe_load(folder.resolved())
    origins = json.loads(folder.origins.read_text(encoding="utf-8")) if folder.origins.exists() else {}
    steps = sorted(folder.samples.glob("step-*.png"))
    last = [path for path in sorted(folder.samples.glob("*.png")) if not path.name.startswith("step-")]
    return {
        "name": folder.path.name,
        "about": resolved.get("about", ""),
        "data": resolved["data"]["use"],
        "step": judged["step"] if judged else (timed[-1]["step"] if timed else 0),
        "seconds": timed[-1]["seconds"] if timed else 0.0,
        "headings": HEADINGS,
        "rows": rows(from_json(judged["values"])) if judged else [],
        "warnings": [line["step"] for line in lines if line.get("collapse_warning")],
        "curves": Markup(plots.to_svg(plots.curves(lines))) if lines else "",
        "steps": [{"label": str(int(path.stem.removeprefix("step-"))), "source": _inline(path)} for path in steps],
        "pictures": [{"label": path.stem, "source": _inline(path)} for path in last],
        "recipe": (folder.path / "recipe.yaml").read_text(encoding="utf-8"),
        "values": [(path, json.dumps(value), origins.get(path, "")) for path, value in leaves(resolved)],
        "environment": json.dumps(env, indent=2),
        "checkpoints": [path.name for path in folder.checkpoints()],
        "folder": str(folder.path),
    }


def _inline(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
