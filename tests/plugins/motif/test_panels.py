"""The panels of the motif in a report."""

from __future__ import annotations

import torch
from gantk_motif.motifs import as_bits
from gantk_motif.views.panels import best_match


def test_best_match_is_the_best_over_all_places() -> None:
    strings = torch.randint(0, 2, (50, 20), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    strings[0, 4:10] = torch.tensor([1, 0, 0, 1, 1, 0])
    motif = as_bits("100110")
    expected = [
        max(sum(int(a == b) for a, b in zip(row[start : start + 6], motif, strict=True)) for start in range(15))
        for row in strings
    ]
    found = best_match(strings, motif)
    assert found.tolist() == expected
    assert found[0] == 6 and min(expected) < 6
