"""Two stains that a net never saw in one cell: how they depend on each other in its cells, and in measured ones.

    python benchmarks/hidden_stain.py fly_cells [--channels D F R] RUN… [--independent RUN…]

`fly_cells` is what `gantk crop` wrote of shared/data/microscopy/fly; each RUN was trained with data.hide=alternate, a
star-shaped net or, behind --independent, one net a stain (cells/independent_separable). Prints, plain and given the
first channel, the correlation of the other two over the pixels inside a cell, averaged over cells, and its standard
error.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from gantk_cells.data.stacks import Stacks
from gantk_cells.metrics.interplay import borrowed_greens, known, matrices, stacks_of
from torch import Tensor

import gantk
from gantk.data import take
from gantk.interfaces import Samples

CELLS = 500


def line(name: str, stacks: Tensor, others: Tensor | None = None) -> None:
    """Prints the dependence of the two greens in stacks (N, 3, H, W), or of one and another cell's other."""
    both = [known(each[:, 0, 1]) for each in matrices(stacks, others)]
    shown = "   ".join(f"{each.mean():6.3f} ± {each.std() / len(each) ** 0.5:.3f}" for each in both)
    print(f"{name:44}{len(stacks):6}   {shown}")


def of_run(path: Path) -> Samples:
    """Cells that a run draws."""
    return gantk.load(path).sample(CELLS, seed=0)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", type=Path)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--channels", nargs=3, default=["D", "F", "R"])
    parser.add_argument("--independent", type=Path, nargs="*", default=[])
    chosen = parser.parse_args()
    red, first, second = chosen.channels
    root = chosen.cells / "cells" if (chosen.cells / "cells").is_dir() else chosen.cells
    print(f"{'':44}{'cells':>6}   {f'{first} and {second}':15}  {f'given {red}':15}")
    for split in ("test", "train"):
        real = take(Stacks(split, root=root, channels=chosen.channels, white="99.9%"), 9999).samples
        line(f"measured, {split} fields", real)
        if split == "test":
            line(f"  {second} of another cell of the test field", real, real.roll(1, 0)[:, 1:])
            line(f"  {second} of the cell with the nearest {red}", *borrowed_greens(real))
    for path in chosen.runs:
        _, stacks = stacks_of(of_run(path))
        line(f"star-shaped, {path.name}", stacks)
        line(f"  {second} of the generated cell with the nearest {red}", *borrowed_greens(stacks))
    for path in chosen.independent:
        pairs = of_run(path).samples  # (N, 2, 2, H, W): each pair of a cell of its own
        line(f"independent nets, {path.name}", torch.cat([pairs[:, 0], pairs[:, 1, 1:]], 1))


if __name__ == "__main__":
    np.seterr(all="ignore")
    torch.set_num_threads(1)
    main()
