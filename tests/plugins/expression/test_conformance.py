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
PAIRS = {"use": "expression/simulated_perturbation", "genes": 24, "lines": 8, "drugs": 3, "replicates": 1}
SMALL = {"use": "basics/mlp", "latent": 4, "hidden": [8]}
SMALL_ENCODER = {"use": "basics/mlp", "outputs": 8, "hidden": [8]}
TYBALT = {"use": "expression/tybalt", "latent": 4}
BULK = {"use": "expression/simulated", "form": "bulk", "genes": 40, "samples": 60, "held_out": 30, "types": 3}
ENCODERS: dict[str, dict] = {
    "dataset/simulated_perturbation": {name: value for name, value in PAIRS.items() if name != "use"},
    "dataset/pairs": {
        "path": FOLDER / "small_pairs.csv",
        "drug": "drug",
        "dose": "dose",
        "match": "plate",
        "hold_out": "dose",
        "test": ["1"],
        "validation": ["0.1"],
    },
    "generator/tybalt": {"latent": 8},
    "net/tybalt": {"latent": 8},
    "loss/tybalt": {"encoder": TYBALT, "kept": 50},
    "loss/pertvae": {"encoder": SMALL_ENCODER, "given": "targets"},
    "loss/drvae": {"encoder": SMALL_ENCODER, "given": "drug"},
    "metric/perturbation": {"draws": 2},
    "metric/encoding": {"trees": 10, "looked_at": 60},
}
NETS = {
    "tybalt": {"generator": TYBALT, "data": BULK | {"transform": ["unit"]}},
    "pertvae": {"generator": SMALL, "data": PAIRS},
    "drvae": {"generator": SMALL, "data": PAIRS},
}

test_plugin = conformance("expression", parameters=TABLES | SINGLE_CELLS | GGAN | ENCODERS, nets=NETS)
