"""The kit's rules for every component of the plugin. Small parameters, a block for each part of the plugin."""

from __future__ import annotations

from pathlib import Path

from gantk.testing import conformance

FOLDER = Path(__file__).parent


# Tables and files
TABLES: dict[str, dict] = {
    "table": {"path": FOLDER / "small_counts.csv", "label": "type", "transform": ["library_size", "log1p"]},
}

# Simulated data, single cells, judging and views
SINGLE_CELLS: dict[str, dict] = {
    "dataset/simulated": {"genes": 40, "samples": 300, "held_out": 150, "types": 3, "rarest": 0.2},
    "generator/cscgan": {"hidden": [16], "latent": 8},
    "critic/cscgan": {"hidden": [16]},
}

# GGAN and bulk
GGAN: dict[str, dict] = {}

# Tybalt and perturbations
ENCODERS: dict[str, dict] = {}

test_plugin = conformance("expression", parameters=TABLES | SINGLE_CELLS | GGAN | ENCODERS)
