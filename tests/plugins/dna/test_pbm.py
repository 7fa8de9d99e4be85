"""The score of the Ets1 probes, got back from their table: what designs are truly worth."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from gantk_dna.alphabet import COMPLEMENT, decode, encode

from benchmarks.pbm import SITE, Sites


def test_a_matrix_is_got_back_from_the_sites_of_a_table() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(0, 2, (SITE, 4))
    core = encode("GGA")
    rows, whole = [], []
    for _ in range(300):
        codes = rng.integers(0, 4, 36, dtype=np.uint8)
        row = {}
        for kind, middle in (("str", 10), ("wk", 25)):
            forward = bool(rng.integers(2))
            word = rng.integers(0, 4, SITE, dtype=np.uint8)
            word[3:6] = core
            codes[middle - 5 : middle + 5] = word if forward else COMPLEMENT[word[::-1]]
            score = matrix[np.arange(SITE), word].sum()
            row |= {
                f"site_{kind}_pos": str(middle),
                f"site_{kind}_ori": str(int(forward)),
                f"site_{kind}_score": str(score),
            }
        rows.append({"Sequence": decode(codes[None])[0], **row})
        whole.append(codes)
    sites = Sites(rows)
    expected = []
    for codes in whole:  # every window of either strand with the core, in plain Python
        found = []
        for each in (codes, COMPLEMENT[codes[::-1]]):
            windows = [each[at : at + SITE] for at in range(27)]
            found += [matrix[np.arange(SITE), word].sum() for word in windows if (word[3:6] == core).all()]
        expected.append(max(found))
    assert sites.score(np.stack(whole)) == pytest.approx(expected)
    free = [at for at in range(SITE) if at not in (3, 4, 5)]
    assert sites.highest == pytest.approx(matrix[free].max(1).sum() + matrix[[3, 4, 5], core].sum())
    assert sites.score(encode("T" * 36)[None])[0] == -np.inf


def test_the_best_real_probe_has_the_strongest_site_that_there_can_be(test_data: Path) -> None:
    with (test_data / "dna" / "ets1_gcpbm_36bp.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    sites = Sites(rows)
    stated = np.array([float(row["site_str_score"]) for row in rows])
    ours = sites.score(np.stack([encode(row["Sequence"]) for row in rows]))
    assert (np.abs(ours - stated) < 1e-6).mean() > 0.999
    assert sites.highest == pytest.approx(stated.max())
