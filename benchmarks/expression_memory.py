"""Peak memory of training on a large sparse table: 68,000 cells × 2,000 genes, as many as Zheng et al. 2017 measured.

    python benchmarks/expression_memory.py
    python benchmarks/expression_memory.py --zeros 0.6 --steps 50 --transform log1p,standardise

Makes the file in a process of its own (counts of a negative binomial, eight types), then trains in another one, and
prints the peak resident memory of that one, torch included, beside what the dense table would take.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPE = """\
about: memory of a large sparse table
seed: 0
data: {{use: expression/table, path: {path}, label: type, transform: [{transform}]}}
generator: {{use: basics/mlp, latent: 64, hidden: [256, 512], labels: concat}}
critic: {{use: basics/mlp, hidden: [512, 256], labels: concat}}
loss: {{use: basics/wgan_gp}}
train: {{steps: {steps}, batch: 128, sample_every: null, checkpoint_every: {steps}}}
evaluate: []
machine: {{threads: 1, device: cpu}}
"""


def make(path: Path, cells: int, genes: int, zeros: float) -> None:
    """Writes the file, a few thousand cells at a time."""
    import anndata
    import numpy as np
    import pandas
    from scipy import sparse

    rng = np.random.default_rng(0)
    types = rng.integers(0, 8, cells)
    mean = rng.gamma(0.5, 1.0, (8, genes))
    parts = []
    for start in range(0, cells, 4000):
        chosen = mean[types[start : start + 4000]]
        kept = rng.random(chosen.shape) < 1 - zeros
        counts = np.where(kept, 1 + rng.poisson(chosen), 0).astype(np.float32)
        parts.append(sparse.csr_matrix(counts))
    obs = pandas.DataFrame(
        {"type": pandas.Categorical([f"type {at}" for at in types])},
        index=pandas.Index([f"cell{at}" for at in range(cells)], dtype=object),
    )
    var = pandas.DataFrame(index=pandas.Index([f"gene{at}" for at in range(genes)], dtype=object))
    anndata.AnnData(sparse.vstack(parts, format="csr"), obs=obs, var=var).write_h5ad(path)


def peak_bytes() -> int:
    """The most memory that this process has had; `getrusage` would count the one that started it, too."""
    lines = Path("/proc/self/status").read_text().split("\n")
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def train(recipe: Path, out: Path) -> None:
    """Trains, and prints the peak of this process as JSON."""
    import gantk

    start = time.process_time()
    gantk.run(str(recipe), out=out, quiet=True)
    print(json.dumps({"peak": peak_bytes(), "seconds": time.process_time() - start}))


def main() -> None:
    """Makes, trains, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=68_000)
    parser.add_argument("--genes", type=int, default=2_000)
    parser.add_argument("--zeros", type=float, default=0.9)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--transform", default="library_size,log1p,standardise")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.make, given.cells, given.genes, given.zeros)
        return
    if given.train:
        train(given.train, given.train.with_name("run"))
        return
    with tempfile.TemporaryDirectory() as folder:
        path, recipe = Path(folder) / "cells.h5ad", Path(folder) / "recipe.yaml"
        sizes = ["--cells", str(given.cells), "--genes", str(given.genes), "--zeros", str(given.zeros)]
        subprocess.run([sys.executable, __file__, "--make", str(path), *sizes], check=True)
        recipe.write_text(RECIPE.format(path=path, transform=given.transform, steps=given.steps))
        told = subprocess.run([sys.executable, __file__, "--train", str(recipe)], check=True, stdout=subprocess.PIPE)
        found = json.loads(told.stdout.splitlines()[-1])
        print(
            f"file: {path.stat().st_size / 1e6:.0f} MB; dense it would be {4 * given.cells * given.genes / 1e6:.0f} MB"
        )
    print(f"peak resident memory: {found['peak'] / 1e9:.2f} GB; {found['seconds']:.0f} processor seconds")


if __name__ == "__main__":
    main()
