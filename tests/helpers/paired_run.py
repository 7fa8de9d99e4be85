"""A run that translates pictures, trained for two steps on fields of noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

import gantk

GIVEN = ("phase", "z")


def paired_run(folder: Path, data: str = "") -> Path:
    """A U-Net of 16 bits: phase and z to dapi.

    Args:
        folder: where the fields, the recipe and the run go.
        data: further keys of the data, ", pixel_size_um: 0.1".
    """
    root = folder / "fields"
    root.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        for name in (*GIVEN, "dapi"):
            tifffile.imwrite(root / f"f{number}_{name}.tif", rng.integers(1000, 40000, (24, 32)).astype(np.uint16))
    recipe = folder / "pairs.yaml"
    recipe.write_text(
        f"data: {{use: cells/paired, root: {root}, condition: [phase, z], target: [dapi], size: 16{data}}}\n"
        "generator: {use: basics/unet, width: 3, depth: 2}\n"
        "critic: null\n"
        "loss: {use: basics/pix2pix, adversarial: none}\n"
        "train: {steps: 2, batch: 2}\n"
        "evaluate: []\n"
    )
    return gantk.run(str(recipe), out=folder / "run", quiet=True).path
