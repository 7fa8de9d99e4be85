"""The examples keep gantk's rules."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from gantk.testing import conformance

FOLDER = tempfile.TemporaryDirectory(prefix="gantk-examples-")


def write_images(root: Path) -> None:
    """Bars, upright or lying, as PNG files."""
    rng = np.random.default_rng(0)
    for label in ("lying", "upright"):
        (root / label).mkdir()
        for number in range(120):
            image = rng.integers(0, 40, (12, 12), dtype=np.uint8)
            image[rng.integers(12)] = 255
            Image.fromarray(image if label == "lying" else image.T.copy()).save(root / label / f"{number}.png")


write_images(Path(FOLDER.name))

CELLS = {"use": "cells/simulated", "proteins": ["Tea1"], "cells": 30, "test_cells": 10, "height": 16, "width": 24}

test_plugin = conformance(
    "examples",
    parameters={
        "folder": {"root": FOLDER.name, "size": 12},
        "channel_pairs": {"of": CELLS},
        "negatives": {"of": {"use": "basics/digits"}},
    },
)
