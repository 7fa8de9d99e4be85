"""Walks through the latent space for the report: a sample moved along a few directions, drawn once and for all."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from gantk.errors import DoesNotFit, FileError
from gantk.files.atomic import read_json, write_bytes, write_json
from gantk.interfaces import View, declares
from gantk.interfaces.optional_members import overrides
from gantk.latents.places import LatentSpace, Place
from gantk.reporting.pictures import build_view
from gantk.sampling import present, render
from gantk.spec import DataSpec

WALKS = "walks.json"
FRAMES = 7  # of a direction
REACH = 3.0  # standard deviations to either side
TOGETHER = 4  # directions, from all parts of the latent that have some
MOST_BYTES = 2_000_000  # of all pictures together: in the page they are a third larger
NARROWEST = 64  # pixels of a frame, below which it is no longer made smaller
WIDEST = 640  # pixels of a frame: of wider ones PNG takes long, and views have enlarged what they draw


def write_walks(folder: Path, generator: nn.Module, spec: DataSpec, *, seed: int, device: torch.device) -> bool:
    """Draws a sample moved along a few directions: walk-<K>.png with its frames side by side, and walks.json.

    Args:
        folder: of the pictures.
        generator: whose latent space.
        spec: of the data, which names the view.
        seed: of the sample.
        device: where the generator is.

    Returns:
        Whether it made sense: not where samples are made from a condition, no directions are known, or the view draws
        no samples one by one.
    """
    (folder / WALKS).unlink(missing_ok=True)
    moves = known_moves(generator)
    view = build_view(spec)
    if view is None or not moves or not overrides(view, View.tiles):
        return False
    space = LatentSpace(generator)
    values = torch.linspace(-REACH, REACH, FRAMES)
    places = [Place(seed, {}, {move: value}) for move in moves for value in values.tolist()]
    latents = torch.stack([space.latent(place) for place in places])
    classes = spec.classes if declares(generator, "labels") else ()
    labels = torch.zeros(len(latents), dtype=torch.long) if classes else None
    drawn = present(generator, render(generator, spec, latents, len(latents), labels=labels, device=device))
    view = view if drawn.spec == spec else build_view(drawn.spec)
    if view is None:
        return False
    tiles = [tile.convert("RGB") for tile in view.tiles(drawn)]
    strips = fitting([strip(tiles[at * FRAMES : (at + 1) * FRAMES]) for at in range(len(moves))])
    known: dict[str, dict[str, str]] = {}
    for number, ((move, title), content) in enumerate(zip(moves.items(), strips, strict=True), 1):
        write_bytes(folder / f"walk-{number}.png", content)
        known[f"walk-{number}.png"] = {"title": title, "move": move}
    width = tiles[0].width  # as it is shown, however many pixels it has
    about = {
        "seed": seed,
        "width": width,
        "class": classes[0] if classes else "",
        "values": values.tolist(),
        "walks": known,
    }
    write_json(folder / WALKS, about)
    return True


def known_moves(generator: nn.Module) -> dict[str, str]:
    """The directions that are drawn: name to title, as many of each part of the latent; none where none are known."""
    try:
        space = LatentSpace(generator)
    except DoesNotFit:
        return {}
    parts: list[str | None] = [*space.parts] or [None]
    counts: dict[str | None, int] = {}
    for part in parts:
        try:
            counts[part] = len(space.directions(part))
        except DoesNotFit:
            continue
    each = TOGETHER // max(1, len(counts))
    return {
        f"direction{rank}" if part is None else f"{part}.direction{rank}": f"{part or ''} direction {rank}".strip()
        for part, count in counts.items()
        for rank in range(1, min(each, count) + 1)
    }


def strip(tiles: list[Image.Image]) -> Image.Image:
    """Pictures of one size side by side."""
    width, height = tiles[0].size
    page = Image.new("RGB", (width * len(tiles), height), "white")
    for number, tile in enumerate(tiles):
        page.paste(tile, (number * width, 0))
    return page


def fitting(strips: list[Image.Image]) -> list[bytes]:
    """The strips as PNG, all of them halved in size until they are narrow and together few enough bytes."""
    while strips[0].width // FRAMES > WIDEST:
        strips = [_halved(each) for each in strips]
    while True:
        written = [_png(each) for each in strips]
        if sum(map(len, written)) <= MOST_BYTES or strips[0].width // FRAMES // 2 < NARROWEST:
            return written
        strips = [_halved(each) for each in strips]


def _halved(picture: Image.Image) -> Image.Image:
    return picture.resize((max(1, picture.width // 2), max(1, picture.height // 2)), Image.Resampling.BOX)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def read_walks(folder: Path) -> Mapping[str, Any] | None:
    """What walks.json says; None where there is none.

    Raises:
        FileError: it is damaged.
    """
    path = folder / WALKS
    if not path.exists():
        return None
    found = read_json(path, "Remove it")
    walks = found.get("walks")
    fits = isinstance(walks, dict) and all(isinstance(each, dict) for each in walks.values())
    if not fits or not isinstance(found.get("values"), list) or not isinstance(found.get("width"), int):
        raise FileError(f"{path}: damaged: it names no walks. Remove it")
    return found
