"""How fast data are read and batches are made."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from gantk.components import construct
from gantk.data import Resident, Wrapped
from gantk.spec import DataSpec

PROTEINS = ("Alp14", "Arp3", "Cki2", "Mkh1", "Sid2", "Tea1")


def seconds(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def rate(call: Callable[[], Any], least: float = 1.0) -> float:
    """Calls a second, over a second or so."""
    call()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < least:
        call()
        count += 1
    return count / (time.perf_counter() - began)


def entry(case: str, value: float, unit: str) -> dict[str, Any]:
    """A number without a target."""
    return {"case": case, "value": value, "unit": unit}


def write_images(folder: Path, count: int) -> None:
    """PNGs of noise that fades towards the edge, 48 x 80, one folder a protein."""
    rng = np.random.default_rng(0)
    for number in range(count):
        place = folder / PROTEINS[number % len(PROTEINS)]
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (48, 80, 3), dtype=np.uint8)
        pixels[..., 2] = 0
        Image.fromarray(pixels).save(place / f"{number:05d}.png")


def images(count: int) -> list[dict[str, Any]]:
    """Reading a folder of images: decoded, and from the cache."""
    with tempfile.TemporaryDirectory() as name:
        before = os.environ.get("GANTK_CACHE")
        os.environ["GANTK_CACHE"] = str(Path(name) / "cache")
        try:
            write_images(Path(name) / "cells", count)
            block = {"use": "cells/lin", "root": f"{name}/cells", "layout": "per_class"}
            read = seconds(lambda: construct.component("dataset", block, split="train"))
            again = seconds(lambda: construct.component("dataset", block, split="train"))
        finally:
            os.environ.pop("GANTK_CACHE")
            if before is not None:
                os.environ["GANTK_CACHE"] = before
    return [entry(f"{count} PNGs, decoded", read, "s"), entry(f"{count} PNGs, from the cache", again, "s")]


class Items(torch.utils.data.Dataset):
    """A map-style data set of images that are made when they are asked for."""

    spec = DataSpec(shape=(2, 48, 80), axes=("channel", "y", "x"))

    def __init__(self, read_ahead: bool):
        self.read_ahead = read_ahead

    def __len__(self) -> int:
        return 4096

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((2, 48, 80), index / 4096)


def batches() -> list[dict[str, Any]]:
    """Batches of 64 images of 2 x 48 x 80 a second."""
    spec = DataSpec(shape=(2, 48, 80), axes=("channel", "y", "x"))
    resident = Resident(spec, torch.zeros(5000, 2, 48, 80, dtype=torch.uint8), flips=("y", "x"))
    indices, rng = torch.randperm(4096)[:64], torch.Generator()
    found = [entry("batches of 64 images from memory, flipped", rate(lambda: resident.batch(indices, rng)), "1/s")]
    for ahead in (False, True):
        wrapped = Wrapped(Items(ahead))

        def one(wrapped: Wrapped = wrapped) -> None:
            wrapped.batch(indices, None)
            wrapped.prefetch(indices)

        name = "a map-style data set" + (", read ahead" if ahead else "")
        found.append(entry(f"batches of 64 images from {name}", rate(one), "1/s"))
    return found


def letters(length: int) -> list[dict[str, Any]]:
    """Windows of a FASTA file."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "made.fa"
        drawn = np.random.default_rng(0).choice(list("ACGT"), length)
        lines = ("".join(drawn[start : start + 60]) for start in range(0, length, 60))
        path.write_text(">made\n" + "\n".join(lines) + "\n")
        block = {"use": "dna/genome", "path": str(path), "length": 50}
        made: dict[str, Any] = {}
        spent = seconds(lambda: made.update(data=construct.component("dataset", block, split="train")))
        data = made["data"]
        indices = torch.randint(len(data), (64,))
        each = 64 * rate(lambda: data.batch(indices, torch.Generator()))
    return [
        entry(f"FASTA of {length:,} letters, read and split", spent, "s"),
        entry("windows of 50 letters, in batches of 64", each, "1/s"),
    ]


def run(*, long: bool, busy_ok: bool) -> list[dict[str, Any]]:
    """The whole set."""
    return images(5000) + batches() + letters(4_000_000 if long else 500_000)
