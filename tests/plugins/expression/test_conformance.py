"""The kit's rules for every component of the plugin. Small parameters, a block for each part of the plugin."""

from __future__ import annotations

from pathlib import Path

from gantk.spec import DataSpec
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
    "metric/forest": {"trees": 30, "samples": 60},
    "metric/transfer": {"seeds": 2, "few": 12},
    "view/heatmap": {"genes": 2, "columns": 20},
}

# GGAN and bulk
GGAN: dict[str, dict] = {
    "loss/ggan": {"loss": {"use": "basics/gan"}, "consistency": 0.1},
    "generator/ggan": {"hidden": [8]},
    "critic/ggan": {"hidden": [8]},
    "generator/bulk": {"hidden": [8], "latent": 8},
    "critic/bulk": {"hidden": [8]},
}
BULK = {"use": "expression/simulated", "form": "bulk", "genes": 20, "samples": 300, "held_out": 100, "types": 3}
LANDMARKS = BULK | {"condition": {"landmarks": 6}, "transform": ["standardise"]}
PAIRS = {
    "loss/ggan": {
        "generator": {"use": "expression/ggan", "hidden": [8]},
        "critic": {"use": "expression/ggan", "hidden": [8]},
        "data": LANDMARKS,
    },
    "loss/inference": {"generator": {"use": "expression/ggan", "hidden": [8]}, "data": LANDMARKS},
}
COVARIATES = [{"name": "age"}, {"name": "tissue", "values": ["lung", "liver", "skin"]}]
TOLD = [
    DataSpec((6,), ("gene",), range=None, condition_shape=(4,)),
    DataSpec((5,), ("gene",), condition_shape=(2,), attributes={"condition": COVARIATES}),
]

# Tybalt and perturbations
TREATED = {"use": "expression/simulated_perturbation", "genes": 24, "lines": 8, "drugs": 3, "replicates": 1}
SMALL = {"use": "basics/mlp", "latent": 4, "hidden": [8]}
SMALL_ENCODER = {"use": "basics/mlp", "outputs": 8, "hidden": [8]}
TYBALT = {"use": "expression/tybalt", "latent": 4}
ENCODERS: dict[str, dict] = {
    "dataset/simulated_perturbation": {name: value for name, value in TREATED.items() if name != "use"},
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
    "pertvae": {"generator": SMALL, "data": TREATED},
    "drvae": {"generator": SMALL, "data": TREATED},
}

test_plugin = conformance(
    "expression", parameters=TABLES | SINGLE_CELLS | GGAN | ENCODERS, nets=PAIRS | NETS, specs=TOLD, examples=3
)
