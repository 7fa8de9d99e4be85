"""Pictures of a run: of samples, by the view that their spec names, and those of metrics, by their files' names."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from gantk.components.construct import component
from gantk.errors import DoesNotFit, GantkError
from gantk.files.pictures import write_image
from gantk.interfaces import Samples, View
from gantk.spec import VIEW_PARAMETERS, DataSpec


def picture_of(samples: Samples, caption: str = "", parameters: Mapping[str, Any] | None = None) -> Image.Image:
    """A picture of samples, with what they are (real, simulated, generated) in its caption.

    Args:
        samples: what to draw.
        caption: printed in the picture.
        parameters: of the view.

    Raises:
        GantkError: the samples' spec names no view.
    """
    view = build_view(samples.spec, **(parameters or {}))
    if view is None:
        raise GantkError("these samples name no view to draw them with; write another format than .png")
    return view.draw(samples, caption=caption)


def write_picture(path: Path, samples: Samples, caption: str = "", parameters: Mapping[str, Any] | None = None) -> None:
    """Writes a PNG of the samples; see `picture_of`."""
    write_image(path, picture_of(samples, caption, parameters))


def build_view(spec: DataSpec, **parameters: Any) -> View | None:
    """The view that draws such samples, with parameters of its own, or None where the spec names none."""
    if spec.view is None and "use" not in parameters:
        return None
    own = spec.attributes.get(VIEW_PARAMETERS, {}) if parameters.get("use", spec.view) == spec.view else {}
    return component("view", {"use": spec.view, **own, **parameters}, spec=spec)


METRIC_PICTURE = re.compile(r"(([A-Za-z][A-Za-z0-9_-]*)\.[A-Za-z0-9_-]+)(?:\.step-(\d+))?\.png")


def name_of_metric_picture(entry: str, name: str, step: int | None) -> str:
    """What a metric's picture is called in the folder of samples: ENTRY.NAME, or ENTRY.NAME.step-<N> before the end.

    Args:
        entry: of `evaluate`.
        name: what the metric calls it.
        step: at which it was measured; None: at the end.

    Raises:
        DoesNotFit: the metric's name for it is none for a file.
    """
    title = f"{entry}.{name}" + ("" if step is None else f".step-{step:06d}")
    if METRIC_PICTURE.fullmatch(f"{title}.png") is None:
        raise DoesNotFit(
            f"{entry} has a picture called {name!r}, which is no name for a file: take letters, digits, _ and - alone"
        )
    return title


def metric_pictures(samples: Path, entries: Container[str]) -> dict[str, list[tuple[int | None, Path]]]:
    """The pictures that metrics drew of a run: "entry.name" to (step, file) in order, that of the end (None) last.

    Args:
        samples: the folder.
        entries: names of the entries of `evaluate`; pictures of others are left out.
    """
    matches = [(METRIC_PICTURE.fullmatch(path.name), path) for path in samples.glob("*.png")]
    known = [(match[1], int(match[3] or -1), path) for match, path in matches if match and match[2] in entries]
    pictures: dict[str, list[tuple[int | None, Path]]] = {}
    for title, step, path in sorted(known, key=lambda each: (each[0], each[1] < 0, each[1])):
        pictures.setdefault(title, []).append((None if step < 0 else step, path))
    return pictures
