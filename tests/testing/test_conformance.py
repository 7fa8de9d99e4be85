"""The first-party plugins pass the kit that third parties use. Small sizes, and files made here, save time."""

from __future__ import annotations

import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantk.spec import DataSpec
from gantk.testing import Case, conformance

FOLDER = tempfile.TemporaryDirectory(prefix="gantk-conformance-")
ROOT = Path(FOLDER.name)
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def programs_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """`dna/command` runs the program that is written here."""
    monkeypatch.setenv("GANTK_ALLOW_PROGRAMS", "1")


def letters(count: int) -> str:
    return "".join(RNG.choice(list("ACGT"), count))


def write_files() -> None:
    """What the data sets and metrics that read files are given."""
    for prefix, count in (("train", 60), ("t10k", 20)):
        pictures = RNG.integers(0, 256, (count, 8, 8), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for name, array in ((f"{prefix}-images-idx3-ubyte", pictures), (f"{prefix}-labels-idx1-ubyte", labels)):
            head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
            (ROOT / name).write_bytes(head + array.tobytes())
    for protein in ("Alp14", "Arp3"):
        for part, number in (("train", 40), ("test", 12)):
            folder = ROOT / "cells" / part / protein
            folder.mkdir(parents=True)
            for index in range(number):
                together = RNG.integers(0, 200, (16, 24, 1), dtype=np.uint8)  # channels of a cell have it in common
                pixels = together + RNG.integers(0, 56, (16, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    for number in range(6):
        pixels = RNG.integers(0, 256, (16, 24), dtype=np.uint8)
        for domain, picture in (("A", pixels), ("B", 255 - pixels[::-1])):
            (ROOT / "pairs" / domain).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(ROOT / "pairs" / domain / f"{number}.png")
    rows = "".join(f"{letters(24)}\t{n % 7}\n" for n in range(200))
    (ROOT / "sequences.tsv").write_text(f"sequence\tscore\n{rows}")
    (ROOT / "score.py").write_text(
        "import sys\nfor line in sys.stdin:\n    if line[0] != '>': print(line.count('A'))\n"
    )
    (ROOT / "genome.fasta").write_text("".join(f">contig{n}\n{letters(4000)}\n" for n in range(4)))
    counts = ([90 if letter == base else 2 for letter in "GCCACGTGGC"] for base in "ACGT")
    rows = "\n".join(f"{base} [ {' '.join(map(str, row))} ]" for base, row in zip("ACGT", counts, strict=True))
    (ROOT / "motifs.jaspar").write_text(f">MA0001.1 first\n{rows}\n")


write_files()
SMALL = {"use": "basics/mlp", "hidden": [16]}
STACK = DataSpec((3, 16, 24), ("channel", "y", "x"), attributes={"stack": True})
PAIR = DataSpec((2, 8, 8), ("channel", "y", "x"), condition_shape=(3, 8, 8))
TWO = DataSpec((2, 1, 8, 8), ("domain", "channel", "y", "x"), unit_axes=1, condition_shape=(2, 1, 8, 8))
NARROW = {"width": 4}
BRIEF = {"steps": 30, "batch": 16, "rate": 0.003}

test_basics = conformance(
    "basics",
    examples=3,
    specs=[PAIR, TWO],
    parameters={
        "unet": {"width": 4},
        "resnet": {"width": 2, "blocks": 1},
        "patch": {"width": 2},
        "dcgan": {"width": 4},
        "course": {"width": 4},
        "mlp": {"hidden": [8]},
        "residual": {"width": 4},
        "metric/class_agreement": {"steps": 30},
        "ring": {"samples": 500},
        "mixture": {"samples": 50},
        "mnist": {"root": str(ROOT)},
        "dataset/images": {"root": str(ROOT / "cells" / "train")},
        "stacked_mnist": {"root": str(ROOT), "held_out": 40},
        "stacked_modes": {"samples": 40, "steps": 60, "batch": 8},
        "metric/c2st": {**BRIEF, "samples": 60, "critic": SMALL},
        "metric/augmentation": {"real": [5], "seeds": 2, "steps": 20, "batch": 32, "samples": 60},
        "metric/critic_test": {**BRIEF, "splits": 2, "samples": 60, "images": 200, "critic": SMALL},
        "loss/augmented": {"loss": {"use": "basics/gan"}},
        "instance_noise": {"loss": {"use": "basics/gan"}},
        "minibatch_discrimination": {"loss": {"use": "basics/gan"}, "kernels": 3},
        "critic/packed": {"critic": SMALL},
    },
    nets={
        "augmented": {"generator": {"use": "basics/dcgan", **NARROW}, "critic": {"use": "basics/dcgan", **NARROW}},
        "pix2pix": {"generator": {"use": "basics/unet", **NARROW}, "critic": {"use": "basics/patch", "width": 2}},
        "cyclegan": {"generator": {"use": "basics/unet", **NARROW}, "critic": {"use": "basics/patch", "width": 2}},
    },
)
test_motif = conformance(
    "motif",
    examples=3,
    parameters={
        "dataset/strings": {"samples": 300, "held_out": 100, "length": 48},
        "generator/course": {"channels": 8},
        "critic/course": {"channels": 8},
        "generator/dcgan1d": {"width": 8},
        "critic/dcgan1d": {"width": 8},
    },
)
test_cells = conformance(
    "cells",
    examples=3,
    specs=[STACK],
    parameters={
        "simulated": {"cells": 200, "test_cells": 60, "height": 24, "width": 40, "validation": 0.3},
        "lin": {"root": str(ROOT / "cells")},
        "stacks": {"root": str(ROOT / "cells" / "train" / "Alp14")},
        "paired": {"root": str(ROOT / "pairs"), "size": 8, "validation": 0.2},
        "unpaired": {"root": str(ROOT / "pairs"), "size": 8, "validation": 0.2},
        "stainings": {"cells": 40, "test_cells": 12, "height": 16, "width": 24, "validation": 0.2},
        "separable": NARROW,
        "starshaped": NARROW,
        "per_class": NARROW,
        "independent": NARROW,
        "independent_separable": NARROW,
        "multichannel": NARROW,
        "probe": {"images": 1000, "steps": 60},
    },
)
test_dna = conformance(
    "dna",
    examples=3,
    parameters={
        "sequences": {"path": str(ROOT / "sequences.tsv"), "score": "score"},
        "genome": {"path": str(ROOT / "genome.fasta"), "length": 24, "block": 400},
        "planted": {"samples": 400, "held_out": 400, "length": 24},
        "killoran": {"width": 8, "blocks": 1},
        "generator/residual": {"width": 8, "blocks": 1},
        "critic/pooled": {"width": 8, "dense": 8},
        "predictor": {"width": 8, "hidden": 8},
        "metric/motif_hits": {"file": str(ROOT / "motifs.jaspar"), "p_value": 0.001},
        "objective/pwm": {"file": str(ROOT / "motifs.jaspar")},
        "objective/predicted": {"net": {"use": "dna/predictor", "width": 4, "hidden": 4}, "steps": 3, "batch": 8},
        "objective/command": {"run": [sys.executable, str(ROOT / "score.py")]},
        "nearest": {"samples": 40},
    },
)


@pytest.mark.parametrize("test", [test_basics, test_motif, test_cells, test_dna])
def test_every_case_has_a_name_of_its_own(test: Callable[[Case], None]) -> None:
    names = test.pytestmark[0].kwargs["ids"]  # type: ignore[attr-defined]
    assert len(names) == len(set(names)) > 20
