"""Motif files, scores and thresholds: against Biopython's own, and against all words of a short motif."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from Bio import motifs as bio_motifs
from Bio.Seq import Seq
from gantk_dna.alphabet import decode, encode, one_hot
from gantk_dna.motifs import (
    GRID,
    Motif,
    choose_motifs,
    hits,
    read_motifs,
    scan,
    score_distribution,
    threshold,
)

from gantk.errors import DataError

JASPAR = ">MA1.1 one\nA [ 8 0 1 ]\nC [ 0 9 2 ]\nG [ 2 1 3 ]\nT [ 0 0 4 ]\n"
MEME = """MEME version 4

ALPHABET= ACGT

MOTIF MA1.1 one
letter-probability matrix: alength= 4 w= 3 nsites= 10 E= 0
 0.8 0.0 0.2 0.0
 0.0 0.9 0.1 0.0
 0.1 0.2 0.3 0.4

"""
TRANSFAC = "AC  MA1.1\nXX\nID  one\nXX\nP0 A C G T\n01 8 0 2 0 A\n02 0 9 1 0 C\n03 1 2 3 4 N\nXX\n//\n"


def random_codes(n: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.uint8)


def one_motif(seed: int = 0, width: int = 5) -> Motif:
    return Motif("random", "", np.random.default_rng(seed).integers(0, 30, (4, width)).astype(float) + 1)


@pytest.mark.parametrize(("ending", "text"), [(".jaspar", JASPAR), (".meme", MEME), (".transfac", TRANSFAC)])
def test_the_same_motif_from_every_format(tmp_path: Path, ending: str, text: str) -> None:
    path = tmp_path / f"one{ending}"
    path.write_text(text)
    (found,) = read_motifs(path)
    assert (found.name, found.identity, found.consensus) == ("one", "MA1.1", "ACT")
    expected = np.array([[8, 0, 1], [0, 9, 2], [2, 1, 3], [0, 0, 4]])
    assert np.allclose(found.counts, expected)


def test_real_files_agree(test_data: Path) -> None:
    jaspar = read_motifs(test_data / "dna" / "jaspar_dev.jaspar")
    meme = read_motifs(test_data / "dna" / "jaspar_dev.meme")
    assert [each.name for each in jaspar] == ["MAX", "MYC", "ETS1", "CTCF", "SP1", "FOXD3"]
    for one, other in zip(jaspar, meme, strict=True):
        assert (one.name, one.identity, one.width) == (other.name, other.identity, other.width)
        assert np.allclose(one.probabilities(), other.probabilities(), atol=5e-3)
    assert len(read_motifs(test_data / "dna" / "jaspar2026_core_fungi.jaspar")) == 193


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("missing.jaspar", None),
        ("empty.jaspar", ""),
        ("other.txt", JASPAR),
        ("cut.jaspar", ">MA1.1 one\nA [ 8 0 1 ]\nC [ 0 9"),
        ("ragged.jaspar", JASPAR.replace("[ 0 9 2 ]", "[ 0 9 ]")),
        ("letters.jaspar", JASPAR.replace("9", "nine")),
        ("zeros.jaspar", ">MA1.1 one\nA [ 0 1 ]\nC [ 0 1 ]\nG [ 0 1 ]\nT [ 0 1 ]\n"),
        ("negative.jaspar", JASPAR.replace("8", "-8")),
        ("empty.meme", "MEME version 4\n"),
        ("cut.meme", MEME[:150]),
        ("no.meme", JASPAR),
        ("cut.transfac", TRANSFAC[:40]),
        ("binary.jaspar", b"\xff\xfe\x00\x01" * 20),
    ],
)
def test_damage_is_an_error_that_names_the_file(tmp_path: Path, name: str, text: str | bytes | None) -> None:
    path = tmp_path / name
    if isinstance(text, bytes):
        path.write_bytes(text)
    elif text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=name):
        read_motifs(path)


def test_an_unknown_motif_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "one.jaspar"
    path.write_text(JASPAR)
    assert [each.name for each in choose_motifs(path, ["MA1.1"])] == ["one"]
    with pytest.raises(DataError, match=r"'two'.*it has one"):
        choose_motifs(path, ["two"])


def test_scan_is_biopythons_scan_on_both_strands(test_data: Path) -> None:
    codes = random_codes(6, 60)
    path = test_data / "dna" / "jaspar_dev.jaspar"
    with path.open() as file:
        references = bio_motifs.parse(file, "jaspar")
    for motif, reference in zip(read_motifs(path), references, strict=True):
        reference.pseudocounts = 0.25
        pssm, length = reference.pssm, motif.width
        scores = scan(one_hot(torch.from_numpy(codes)), motif.log_odds())
        for k, text in enumerate(decode(codes)):
            assert np.allclose(scores[k, 0], pssm.calculate(Seq(text)), atol=1e-3 * length)
            assert np.allclose(scores[k, 1], pssm.reverse_complement().calculate(Seq(text)), atol=1e-3 * length)
            found = {place for place, _ in pssm.search(Seq(text), threshold=4.0)}
            ours = set(np.flatnonzero(scores[k, 0] >= 4.0)) | {
                place - len(text) for place in np.flatnonzero(scores[k, 1] >= 4.0)
            }
            assert found == ours


def test_the_distribution_of_scores_is_that_of_all_words() -> None:
    log_odds, background = one_motif().log_odds(), (0.4, 0.1, 0.2, 0.3)
    lowest, distribution = score_distribution(log_odds, background)
    expected: dict[int, float] = {}
    for word in itertools.product(range(4), repeat=5):
        score = sum(int(log_odds[base, place]) for place, base in enumerate(word))
        expected[score] = expected.get(score, 0.0) + math.prod(background[base] for base in word)
    found = {lowest + k: share for k, share in enumerate(distribution) if share}
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("p_value", [0.5, 0.05, 0.003, 1 / 1024])
def test_the_threshold_is_exact(p_value: float) -> None:
    log_odds = one_motif(3).log_odds()
    least = threshold(log_odds, p_value)
    words = np.array(list(itertools.product(range(4), repeat=5)), np.uint8)
    scores = scan(one_hot(torch.from_numpy(words)), log_odds)[:, 0, 0]
    share = (scores >= least - 0.5 / GRID).float().mean().item()
    assert share <= p_value * (1 + 1e-6)
    below = scores[scores < least - 0.5 / GRID].max()  # one step further down would be too many
    assert (scores >= below).float().mean() > p_value


def test_the_threshold_lies_beside_biopythons(test_data: Path) -> None:
    """Biopython returns the score at which the rate is first exceeded, on a grid; ours is the next one above."""
    path = test_data / "dna" / "jaspar_dev.jaspar"
    with path.open() as file:
        references = bio_motifs.parse(file, "jaspar")
    for motif, reference in zip(read_motifs(path)[1:3], references[1:3], strict=True):
        reference.pseudocounts = 0.25
        theirs = reference.pssm.distribution(precision=10**3).threshold_fpr(1e-3)
        assert theirs - 0.05 <= threshold(motif.log_odds(), 1e-3) <= theirs + 0.7


def test_no_word_is_rare_enough_in_a_short_motif() -> None:
    assert math.isinf(threshold(one_motif(width=3).log_odds(), 1e-4))


def test_hits_on_either_strand_and_in_too_short_sequences() -> None:
    motif = Motif("tata", "", np.eye(4)[encode("TTGACA")].T * 50)
    texts = ["CCCTTGACACC", "CCCTGTCAACC", "CCCCCCCCCCC"]
    samples = one_hot(torch.from_numpy(np.stack([encode(text) for text in texts])))
    least = threshold(motif.log_odds(), 1e-3)
    assert hits(samples, motif.log_odds(), least).tolist() == [True, True, False]
    assert hits(samples[:, :, :4], motif.log_odds(), least).tolist() == [False] * 3


def test_gradients_flow_to_soft_samples() -> None:
    soft = torch.rand(2, 4, 20, requires_grad=True)
    scan(soft, one_motif().log_odds()).amax((1, 2)).sum().backward()
    assert soft.grad is not None and soft.grad.abs().sum() > 0
