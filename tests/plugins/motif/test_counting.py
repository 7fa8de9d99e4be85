"""Motif counting against brute force and plain Python."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from gantk_motif.motifs import as_bits, chance_of_motif, covered, occurrences

MOTIF = "1100110011001100"


def plain_positions(string: str, motif: str) -> list[int]:
    """Every start of the motif, overlaps included."""
    return [start for start in range(len(string) - len(motif) + 1) if string[start:].startswith(motif)]


@pytest.mark.parametrize("motif", ["1", "00", "10", "110", "1010", "1100110", "010011"])
@pytest.mark.parametrize("length", [1, 3, 7, 11])
def test_chance_equals_brute_force(motif: str, length: int) -> None:
    having = sum(motif in "".join(letters) for letters in product("01", repeat=length))
    assert chance_of_motif(motif, length) == pytest.approx(having / 2**length, abs=1e-12)


def test_chance_of_the_course_motif_is_below_the_naive_estimate() -> None:
    naive = 113 / 2**16  # counts strings with two motifs twice
    exact = chance_of_motif(MOTIF, 128)
    assert 0.9 * naive < exact < naive
    assert 1000 * exact == pytest.approx(1.6, abs=0.05)


@pytest.mark.parametrize("motif", ["1", "101", "1100"])
def test_occurrences_and_cover_equal_plain_python(motif: str) -> None:
    strings = torch.randint(0, 2, (50, 19), generator=torch.Generator().manual_seed(3), dtype=torch.uint8)
    found = occurrences(strings, as_bits(motif))
    inside = covered(found, len(motif))
    for row, starts, marked in zip(strings.tolist(), found, inside.tolist(), strict=True):
        expected = plain_positions("".join(map(str, row)), motif)
        assert starts.nonzero().flatten().tolist() == expected
        assert marked == [any(start <= place < start + len(motif) for start in expected) for place in range(19)]
