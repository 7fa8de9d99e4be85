"""Boxes around hits of known motifs: in pictures of sequences, and below sequences that are printed."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import ImageDraw

from gantk_dna.motifs import Hit, Motif

BOX_COLOURS = ((20, 20, 20), (150, 40, 160), (0, 120, 130), (150, 90, 0), (190, 20, 90), (60, 70, 200))
"""One a motif, in turn."""


def draw_boxes(
    pen: ImageDraw.ImageDraw, hits: Sequence[Sequence[Hit]], *, left: int, column: int, row_height: int
) -> None:
    """Draws a box around each hit.

    Args:
        pen: of the picture.
        hits: of each row.
        left: where the first letter begins, in pixels.
        column: width of a letter.
        row_height: of a row, with the line below it.
    """
    for row, found in enumerate(hits):
        for hit in found:
            x, y = left + hit.place * column, row * row_height
            corners = [(x - 1, y), (x + hit.width * column - 1, y + row_height - 2)]
            colour = BOX_COLOURS[hit.motif % len(BOX_COLOURS)]
            pen.rectangle(corners, outline=colour, width=2 if row_height >= 12 else 1)


def legend(motifs: Sequence[Motif], hits: Sequence[Sequence[Hit]], p_value: float) -> str:
    """What the boxes are, and of how many sequences, in a sentence."""
    counts = []
    for number, motif in enumerate(motifs):
        n = sum(any(hit.motif == number for hit in found) for found in hits)
        if n or len(motifs) <= len(BOX_COLOURS):
            counts.append(f"{motif.name} in {n}")
    what = ", ".join(counts) if counts else f"none of {len(motifs)} motifs anywhere"
    return f"boxes are hits of motifs (p ≤ {p_value:g} at one place of one strand): {what} of these {len(hits)}"


def lines_below(hits: Sequence[Hit], motifs: Sequence[Motif]) -> list[str]:
    """Boxes as text, to stand below a sequence: [-ETS1+-]. Hits that overlap stand in different lines."""
    lines: list[str] = []
    for hit in hits:
        name = f"{motifs[hit.motif].name}{hit.strand}"
        box = f"[{name[: hit.width - 2].center(hit.width - 2, '-')}]" if hit.width >= 3 else "^" * hit.width
        free = next((at for at, line in enumerate(lines) if len(line) <= hit.place), len(lines))
        if free == len(lines):
            lines.append("")
        lines[free] = lines[free].ljust(hit.place) + box
    return lines
