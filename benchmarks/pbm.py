"""What designs of Ets1 probes are truly worth: `python -m benchmarks.pbm TABLE SEARCH` (runs/design_pbm-1/search-1).

The score of these probes, `site_str_score`, is computed by their authors: a sum over the ten letters of a site. Least
squares gets the matrix back from the table, so that the score of any sequence is known, also of designs. Printed are
the share of probes whose stated score that gives, and of each set of a search how many sequences have a site at all,
the median score of those, and the share above the best probe of the training split, with its 95 % interval.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import yaml
from gantk_dna.alphabet import COMPLEMENT, decode, encode
from gantk_dna.codes import Codes, codes_in
from numpy.typing import NDArray
from scipy.stats import binomtest

from gantk.components import component
from gantk.data import as_dataset

SITE = 10  # letters


class Sites:
    """How strong the strongest site of a sequence is, as the authors of a table computed it.

    Args:
        rows: of the table.
    """

    def __init__(self, rows: list[dict[str, str]]):
        words, scores = [], []
        for row in rows:
            for kind in ("str", "wk"):
                middle = int(row[f"site_{kind}_pos"])
                word = encode(row["Sequence"])[max(middle - SITE // 2, 0) : middle + SITE // 2]
                if len(word) == SITE:
                    words.append(word if row[f"site_{kind}_ori"] == "1" else COMPLEMENT[word[::-1]])
                    scores.append(float(row[f"site_{kind}_score"]))
        letters = np.eye(4)[np.stack(words)].reshape(len(words), -1)  # (N, 4 SITE)
        self.matrix: NDArray[np.float64] = np.linalg.lstsq(letters, np.array(scores), rcond=None)[0].reshape(SITE, 4)
        self.matrix[letters.sum(0).reshape(SITE, 4) == 0] = -np.inf  # no site has that letter

    @property
    def highest(self) -> float:
        """The strongest site that there can be."""
        return float(self.matrix.max(1).sum())

    def score(self, codes: Codes) -> NDArray[np.float64]:
        """Of each sequence its strongest site on either strand, -∞ where it has none: (N, L) to (N,)."""
        best = np.full(len(codes), -np.inf)
        for each in (codes, COMPLEMENT[codes[:, ::-1]]):
            windows = np.lib.stride_tricks.sliding_window_view(each, SITE, axis=1)  # (N, places, SITE)
            best = np.maximum(best, self.matrix[np.arange(SITE), windows].sum(2).max(1))
        return best


def main() -> None:
    """Reads the table and a search, and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("search", type=Path, help="folder of a search")
    given = parser.parse_args()
    with given.table.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    sites = Sites(rows)
    stated = np.array([float(row["site_str_score"]) for row in rows])
    ours = sites.score(np.stack([encode(row["Sequence"]) for row in rows]))
    right = float((np.abs(ours - stated) < 1e-6).mean())
    print(f"{right:.2%} of stated scores; the strongest possible site {sites.highest:.2f}, probe {stated.max():.2f}")
    recipe = yaml.safe_load((given.search / "design.yaml").read_text())
    training = decode(codes_in(as_dataset(component("dataset", recipe["data"], split="train"))))
    bar = float(sites.score(np.stack([encode(text) for text in training])).max())
    print(f"best of the training split {bar:.2f}")
    with (given.search / "sequences.tsv").open(newline="") as file:
        found = list(csv.DictReader(file, delimiter="\t"))
    for name in dict.fromkeys(row["set"] for row in found):
        scores = sites.score(np.stack([encode(row["sequence"]) for row in found if row["set"] == name]))
        have = scores[np.isfinite(scores)]
        above = binomtest(int((scores > bar).sum()), len(scores))
        interval = above.proportion_ci(method="wilson")
        print(
            f"{name:<26} with a site {len(have) / len(scores):>4.0%}  median {np.median(have):>6.2f}  above training "
            f"{above.statistic:>4.0%} ({interval.low:.0%} to {interval.high:.0%})"
        )


if __name__ == "__main__":
    main()
