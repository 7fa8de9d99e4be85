"""The command `gantk simulate-cells`: writes simulated cells as a tree of PNGs in LIN's layout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np

PROTEINS = ("Alp14", "Arp3", "Cki2", "Mkh1", "Sid2", "Tea1")
"""Those of gantk_cells.data.simulation, which is not imported for --help."""
NOTE = "These are simulated fission-yeast cells, drawn by gantk simulate-cells; they are not LIN.\n"


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--cells", default=1500, show_default=True, type=click.IntRange(2), help="Training cells a protein.")
@click.option("--test-cells", default=500, show_default=True, type=click.IntRange(1), help="Test cells a protein.")
@click.option("--protein", "proteins", multiple=True, type=click.Choice(PROTEINS), help="One of them; repeat for more.")
@click.option("--height", default=48, show_default=True, type=click.IntRange(8), help="Of an image, in pixels.")
@click.option("--width", default=80, show_default=True, type=click.IntRange(8), help="Of an image, in pixels.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed, other cells.")
def simulate_cells(
    out: Path, cells: int, test_cells: int, proteins: tuple[str, ...], height: int, width: int, seed: int
) -> None:
    """Write simulated fission-yeast cells to the new folder OUT.

    One PNG a cell (red: Bgs4, green: the protein), in the layout of LIN: a _train and a _test folder with one folder
    for each protein. They are the cells of the data set cells/simulated: a run with

        data.use=cells/lin data.root=OUT

    (and data.layout=per_class where its recipe says so) trains on the very
    same pixels. Prints OUT.
    """
    from gantk_basics.files.images.folders import SIMULATED

    from gantk_cells.data.simulated import simulated_classes

    if out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty; name a new folder")
    for split, n in (("train", cells), ("test", test_cells)):
        top = out / f"simulated_size-{height}-{width}_{split}"
        top.mkdir(parents=True)
        (top / SIMULATED).write_text(NOTE)
        for part in simulated_classes(split, n, proteins or PROTEINS, seed, height, width):
            folder = top / part.name
            folder.mkdir()
            for file, image in zip(part.files, part.images, strict=True):
                write_pair(folder / file, image)
    click.echo(out)


def write_pair(path: Path, image: np.ndarray) -> None:
    """Writes one pair as an RGB PNG with an empty blue channel, as LIN has them.

    Args:
        path: where to.
        image: red and green, uint8, (2, H, W).
    """
    import numpy as np
    from PIL import Image

    picture = np.zeros((*image.shape[1:], 3), np.uint8)
    picture[..., :2] = image.transpose(1, 2, 0)
    Image.fromarray(picture).save(path)
