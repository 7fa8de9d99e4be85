"""Makes recipes/demo.h5, the trained generator that comes with gantk, from a run of recipes/lin_starshaped_long.yaml.

    gantk run recipes/lin_starshaped_long.yaml machine.threads=1 --out runs/demo
    python docs/scripts/make_demo.py runs/demo recipes/demo.h5

The file holds the averaged generator alone, in half precision, with its recipe, whose `about` says what it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gantk import console
from gantk.api.model import Model
from gantk.recipe.recipe import recipe_from_text
from gantk.recipe.yaml_positions import dump
from gantk.training.generator_file import write_generator

ABOUT = "A demonstration: six fission-yeast proteins in one cell, by a generator trained on SIMULATED cells, not on LIN"


def main() -> None:
    """Reads the run, writes the file, and says how large it is."""
    run, out = Path(sys.argv[1]), Path(sys.argv[2])
    model = Model(run)
    values = recipe_from_text(model.checkpoint.recipe, name="demo").values | {"about": ABOUT}
    write_generator(out, model.state, recipe=dump(values), spec=model.spec, plugins=model.checkpoint.plugins)
    console.answer(f"{out}: {out.stat().st_size:,} bytes, step {model.checkpoint.step}")


if __name__ == "__main__":
    main()
