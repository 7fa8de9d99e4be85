"""A small GCT file of wells, for tests of expression that is read and predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

GENES = [f"gene{number}" for number in range(10)]
VALUES = np.random.default_rng(0).normal(8, 2, (30, 10)).astype(np.float32).clip(0.5)


def write_gct(path: Path) -> Path:
    """Thirty wells of six compounds, five each, log2 values of ten genes."""
    names = [f"well{number}" for number in range(30)]
    lines = ["#1.3", "10\t30\t0\t1", "\t".join(["id", *names])]
    lines.append("\t".join(["compound", *(f"drug{number // 5}" for number in range(30))]))
    lines += ["\t".join([gene, *(f"{value:.6f}" for value in VALUES[:, at])]) for at, gene in enumerate(GENES)]
    path.write_text("\n".join(lines) + "\n")
    return path
