"""report.html of a search: its table, the evaluation of the designs, their logo, and how to go on."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from PIL import Image

from gantk.data import take
from gantk.files import write_bytes
from gantk.messages import without_escapes
from gantk.randomness import generator
from gantk_dna.design.evaluating import Evaluated
from gantk_dna.design.predictor_motif import motif_picture, motif_sentence
from gantk_dna.design.results import Report
from gantk_dna.views.logo import Logo

BETTER = {"higher": "↑", "lower": "↓", "near": "≈", None: ""}


def logo_of(report: Report) -> Image.Image:
    """The logo of the designs, that of as many held-out real sequences, and the first ones in colour."""
    samples = report.samples()
    real = take(report.test, len(samples), generator(report.seed, "logo"))
    view = Logo(report.spec)
    view.motifs = report.motifs
    return view.draw(samples, real=real, caption="designed")


def motifs_of(report: Report) -> tuple[list[str], Image.Image] | None:
    """What the predictors' own motifs are, in sentences and in a picture beside known ones; None without any."""
    own, known = report.own_motifs, report.motifs
    return ([motif_sentence(each, known) for each in own], motif_picture(own, known, report.spec)) if own else None


def write_page(
    folder: Path,
    report: Report,
    *,
    about: str,
    lines: Sequence[str],
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    evaluation: tuple[Evaluated, Sequence[str]],
    logo: Image.Image,
    motifs: Image.Image | None,
) -> None:
    """Writes report.html: one page that needs nothing else.

    Args:
        folder: of the search; its design.yaml is shown.
        report: of the search.
        about: what is designed.
        lines: what was found, in sentences.
        headings: of the table of designs and baselines.
        rows: of it.
        evaluation: numbers of the designs by metric, and what they say in words.
        logo: a picture of the designs.
        motifs: a picture of the predictors' own motifs; None without any.
    """
    environment = Environment(
        loader=PackageLoader("gantk_dna", "design"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: without_escapes(value) if type(value) is str else value,
    )
    content: Mapping[str, Any] = {
        "name": f"{folder.parent.name}, {folder.name}",
        "about": about,
        "lines": lines,
        "headings": headings,
        "rows": rows,
        "evaluation": evaluation[0],
        "summaries": evaluation[1],
        "better": BETTER,
        "logo": Markup(base64.b64encode(png(logo)).decode()),
        "motifs": None if motifs is None else Markup(base64.b64encode(png(motifs)).decode()),
        "recipe": (folder / "design.yaml").read_text(encoding="utf-8"),
        "parent": folder.parent,
        "wanted": report.wanted,
    }
    write_bytes(folder / "report.html", environment.get_template("report.html.j2").render(content).encode())


def png(picture: Image.Image) -> bytes:
    """A picture as the content of a PNG file."""
    memory = io.BytesIO()
    picture.save(memory, "PNG")
    return memory.getvalue()
