"""Motif files, scores and thresholds: against Biopython's own, and against all words of a short motif."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from Bio import motifs as bio_motifs
from Bio.Seq import Seq
from gantk_dna.alphabet import decode, encode, one_hot
from gantk_dna.files.motif_files import choose_motifs, read_motifs
from gantk_dna.motifs import (
    GRID,
    Motif,
    hits,
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


def as_jaspar(motifs: list[Motif], letters: str = "ACGT") -> str:
    rows = [
        [f"{letter} [ {' '.join(map(str, row))} ]" for letter, row in zip(letters, each.counts, strict=True)]
        for each in motifs
    ]
    return "".join(f">{each.identity}\t{each.name}\n" + "\n".join(rows[at]) + "\n" for at, each in enumerate(motifs))


def as_old_jaspar(motifs: list[Motif]) -> str:
    return "".join(
        f">{each.identity} {each.name}\n" + "\n".join(" ".join(map(str, row)) for row in each.counts) + "\n"
        for each in motifs
    )


def as_positions(motifs: list[Motif]) -> str:
    return "".join(
        f">{each.identity}\t{each.name}\n" + "\n".join(" ".join(map(str, row)) for row in each.counts.T / 40) + "\n"
        for each in motifs
    )


def as_meme(motifs: list[Motif], alphabet: str = "ALPHABET= ACGT\n\n", background: str = "") -> str:
    text = f"MEME version 4\n\n{alphabet}strands: + -\n\n{background}"
    for each in motifs:
        rows = "".join(" ".join(f"{value:.6f}" for value in row) + "\n" for row in each.counts.T / 40)
        heading = f"letter-probability matrix: alength= 4 w= {each.width} nsites= 40 E= 0"
        text += f"MOTIF {each.identity} {each.name}\n{heading}\n{rows}URL http://x\n\n"
    return text


def as_transfac(motifs: list[Motif], first: int = 1, letters: str = "A C G T") -> str:
    text = "VV  made\nXX\n//\n"
    for each in motifs:
        rows = "".join(f"{at:02} {' '.join(map(str, row))} N\n" for at, row in enumerate(each.counts.T, first))
        text += f"AC  {each.identity}\nXX\nID  {each.name}\nP0  {letters}\n{rows}XX\nBF  x\n//\n"
    return text


RNA_BACKGROUND = "Background letter frequencies\nA 0.25 C 0.25 G 0.25 U 0.25\n\n"
SPELLINGS: dict[str, tuple[str, Callable[[list[Motif]], str]]] = {
    "JASPAR": (".jaspar", as_jaspar),
    "JASPAR of RNA": (".jaspar", lambda motifs: as_jaspar(motifs, "ACGU")),
    "JASPAR, byte order mark and CR LF": (".pfm", lambda motifs: "\ufeff" + as_jaspar(motifs).replace("\n", "\r\n")),
    "JASPAR without letters": (".pfm", as_old_jaspar),
    "a row for each position": (".pfm", as_positions),
    "MEME": (".meme", as_meme),
    "MEME, byte order mark": (".meme", lambda motifs: "\ufeff" + as_meme(motifs)),
    "MEME without ALPHABET": (".meme", lambda motifs: as_meme(motifs, "")),
    "MEME of RNA": (".meme", lambda motifs: as_meme(motifs, "ALPHABET= ACGU\n", RNA_BACKGROUND)),
    "MEME 5 of RNA": (".meme", lambda motifs: as_meme(motifs, 'ALPHABET "RNA" RNA-LIKE\nEND ALPHABET\n')),
    "MEME without w= and nsites=": (".meme", lambda motifs: re.sub(" (w|nsites)= [0-9]+", "", as_meme(motifs))),
    "MEME, nsites= 0": (".meme", lambda motifs: as_meme(motifs).replace("nsites= 40", "nsites= 0")),
    "TRANSFAC": (".transfac", as_transfac),
    "TRANSFAC from 00": (".transfac", lambda motifs: as_transfac(motifs, 0)),
    "TRANSFAC, PO, NA and RNA": (
        ".tf",
        lambda motifs: as_transfac(motifs, letters="A C G U").replace("ID", "NA").replace("P0", "PO"),
    ),
    "TRANSFAC without the last //": (".transfac", lambda motifs: as_transfac(motifs).removesuffix("//\n")),
}


def made_motifs(widths: list[int]) -> list[Motif]:
    """Motifs of 40 sites each."""
    rng = np.random.default_rng(len(widths))
    return [
        Motif(f"name{at}", f"M{at}.1", rng.multinomial(40, [0.4, 0.3, 0.2, 0.1], width).T.astype(float))
        for at, width in enumerate(widths)
    ]


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("widths", [[6], [4, 4, 5], [3, 8, 1, 12]])
def test_as_many_motifs_are_read_as_have_a_heading(
    tmp_path: Path, spelling: tuple[str, Callable[[list[Motif]], str]], widths: list[int]
) -> None:
    ending, spelled = spelling
    motifs = made_motifs(widths)
    path = tmp_path / f"some{ending}"
    path.write_text(spelled(motifs), newline="")
    found = read_motifs(path)
    assert [(each.name, each.identity, each.width) for each in found] == [
        (each.name, each.identity, each.width) for each in motifs
    ]
    for one, other in zip(found, motifs, strict=True):
        assert np.allclose(one.probabilities(0), other.probabilities(0), atol=1e-6)


HEADING = re.compile(r"^(>|MOTIF|AC )", re.MULTILINE)


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_file_cut_after_any_line_is_read_whole_or_refused(
    tmp_path: Path, spelling: tuple[str, Callable[[list[Motif]], str]]
) -> None:
    ending, spelled = spelling
    motifs = made_motifs([5, 4, 6])
    lines = spelled(motifs).splitlines(keepends=True)
    path = tmp_path / f"some{ending}"
    for number in range(1, len(lines)):
        text = "".join(lines[:number])
        path.write_text(text, newline="")
        try:
            found = read_motifs(path)
        except DataError as error:
            assert str(path) in str(error)
            continue
        assert len(found) == len(HEADING.findall(text.removeprefix("\ufeff")))
        *whole, last = found  # a format that states no width cannot know of rows that are missing at its end
        assert [each.width for each in whole] == [each.width for each in motifs[: len(whole)]]
        assert np.allclose(last.probabilities(0), motifs[len(whole)].probabilities(0)[:, : last.width], atol=1e-6)


def test_positions_in_rows_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "some.pfm"
    path.write_text(as_positions(made_motifs([6, 8])))
    read_motifs(path)
    assert "2 motifs have a row for each position, and A, C, G, T in it: name0, name1" in capsys.readouterr().err


def test_biopython_reads_the_same(tmp_path: Path) -> None:
    motifs = made_motifs([7, 9])
    for ending, form, spelled in ((".jaspar", "jaspar", as_jaspar), (".transfac", "transfac", as_transfac)):
        path = tmp_path / f"some{ending}"
        path.write_text(spelled(motifs))
        with path.open() as file:
            references = bio_motifs.parse(file, form, strict=False)
        for one, other in zip(read_motifs(path), references, strict=True):
            assert np.allclose(one.counts, [other.counts[letter] for letter in "ACGT"])


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
        ("matrixless.jaspar", JASPAR + ">MA2.1 two\n"),
        ("words.jaspar", JASPAR + "and so on\n"),
        ("neither.pfm", ">a\n1 2 3 4\n9 9 9 9\n1 1 1 1\n"),
        ("matrixless.meme", MEME + "MOTIF MA2.1 two\n"),
        ("headless.meme", MEME.replace("MOTIF MA1.1 one\n", "")),
        ("protein.meme", MEME.replace("ACGT", "ACDEFGHIKLMNPQRSTVWY").replace("alength= 4", "alength= 20")),
        ("counts.meme", MEME.replace("0.9", "9")),
        ("nan.meme", MEME.replace("w= 3", "w= nan")),
        ("matrixless.transfac", TRANSFAC + "AC MA2.1\n//\n"),
        ("together.transfac", TRANSFAC.replace("//\n", "") + TRANSFAC),
        ("skipping.transfac", TRANSFAC.replace("02 0", "04 0")),
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


@pytest.mark.parametrize("ending", [".jaspar", ".meme", ".transfac"])
@pytest.mark.parametrize("filling", ["w", " ", "[", "1 ", "= "])
def test_a_long_line_takes_no_long_time(tmp_path: Path, ending: str, filling: str) -> None:
    path = tmp_path / f"long{ending}"
    long = filling * 200_000
    path.write_text(f"MEME version 4\nMOTIF {long}x\nletter-probability matrix: {long}x\nA {long}x\nP0 {long}x\n")
    started = time.process_time()
    with pytest.raises(DataError):
        read_motifs(path)
    assert time.process_time() - started < 2


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


FIELD = {"03/rows.pfm": [6, 8], "04/two.transfac": [2, 2], "17/from00.transfac": [3]} | {
    f"17/{name}.meme": [4] for name in ("noalpha", "nsites0", "rna")
}


@pytest.mark.parametrize(("name", "widths"), FIELD.items(), ids=FIELD)
def test_what_came_from_the_field(test_data: Path, name: str, widths: list[int]) -> None:
    assert [each.width for each in read_motifs(test_data / "field" / "dna" / name)] == widths
