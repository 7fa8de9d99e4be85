"""Hits of motifs: where plain Python finds them, boxed in pictures and text; the motif that a predictor learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import COMPLEMENT, encode, one_hot, sequence_spec
from gantk_dna.design.predictor_motif import aligned_counts, likeness, motif_picture, motif_sentence, own_motif
from gantk_dna.design.weighted_sum import Objectives
from gantk_dna.motifs import GRID, Hit, Motif, least_score, places_of_hits
from gantk_dna.views.logo import AXIS, LINE, MARGIN, Logo
from gantk_dna.views.motif_boxes import BOX_COLOURS, legend, lines_below
from torch import Tensor

from gantk.cli import run_command_line
from gantk.errors import ComponentError
from gantk.interfaces import Samples


def motif_of(word: str, name: str = "box", count: float = 40) -> Motif:
    counts = np.ones((4, len(word)))
    counts[encode(word), np.arange(len(word))] = count
    return Motif(name, "", counts)


def jaspar(path: Path, **words: str) -> Path:
    def rows(word: str) -> str:
        return "\n".join(f"{base} [ {' '.join('40' if each == base else '1' for each in word)} ]" for base in "ACGT")

    path.write_text("".join(f">{name} {name}\n{rows(word)}\n" for name, word in words.items()))
    return path


def test_hits_are_those_of_plain_python_on_both_strands() -> None:
    motif = motif_of("TTGACC", count=12)
    codes = np.random.default_rng(0).integers(0, 4, (200, 30), dtype=np.uint8)
    codes[0, 3:9], codes[1, 20:26] = encode("TTGACC"), encode("GGTCAA")
    log_odds = motif.log_odds()
    least = least_score(log_odds, 1e-3) - 0.5 / GRID
    expected = []
    for row in codes:
        found = []
        for place in range(25):
            window = row[place : place + 6]
            scores = [log_odds[each, np.arange(6)].sum() / GRID >= least for each in (window, COMPLEMENT[window[::-1]])]
            strand = "".join(sign for sign, hit in zip("+-", scores, strict=True) if hit)
            found += [Hit(0, place, 6, strand)] if strand else []
        expected.append(found)
    assert places_of_hits(one_hot(torch.from_numpy(codes)), [motif], 1e-3) == expected
    assert Hit(0, 3, 6, "+") in expected[0] and Hit(0, 20, 6, "-") in expected[1]
    assert places_of_hits(one_hot(torch.from_numpy(codes[:2, :5])), [motif], 1e-3) == [[], []]


def test_a_palindrome_is_one_hit_of_both_strands() -> None:
    letters = one_hot(torch.from_numpy(encode("TTGAATTCTT")[None]))
    assert places_of_hits(letters, [motif_of("GAATTC")], 1e-3) == [[Hit(0, 2, 6, "+-")]]


def test_boxes_in_text_stand_below_their_letters_and_do_not_overlap() -> None:
    motifs = [motif_of("GGAAGT", "ETS"), motif_of("AC", "X")]
    assert lines_below([], motifs) == []
    assert lines_below([Hit(0, 1, 6, "+"), Hit(0, 7, 6, "-")], motifs) == [" [ETS+][ETS-]"]
    assert lines_below([Hit(0, 0, 6, "+"), Hit(0, 3, 6, "+"), Hit(1, 9, 2, "+")], motifs) == [
        "[ETS+]   ^^",
        "   [ETS+]",
    ]


def test_view_prints_boxes_and_refuses_names_without_a_file(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    jaspar(Path("some.jaspar"), ETS="GGAAGT", OTHER="CCCCCC")
    Path("made.fa").write_text(">a\nTTGGAAGTTT\n>b\nAAAAAAAAAA\n>c\nTTACTTCCCC\n")
    assert run_command_line(["view", "made.fa", "--text", "motifs=some.jaspar", "p_value=0.001"]) == 0
    printed = capsys.readouterr().out
    assert printed == "TTGGAAGTTT\n  [ETS+]\nAAAAAAAAAA\nTTACTTCCCC\n  [ETS-]\n"
    assert run_command_line(["view", "made.fa", "motifs=some.jaspar", "motif_names=[ETS]", "-o", "a.png"]) == 0
    assert run_command_line(["view", "made.fa", "--text", "motif_names=[ETS]"]) == 2
    assert "motifs=FILE" in capsys.readouterr().err
    assert run_command_line(["view", "made.fa", "--text", "motifs=nowhere.jaspar"]) in (1, 2)
    assert "nowhere.jaspar" in capsys.readouterr().err
    with pytest.raises(ComponentError):
        Logo(sequence_spec(10), motif_names=["ETS"])


def test_boxes_in_pictures_are_around_their_cells(tmp_path: Path) -> None:
    path = jaspar(tmp_path / "some.jaspar", ETS="GGAAGT")
    spec = sequence_spec(10)
    samples = Samples(samples=one_hot(torch.from_numpy(np.stack([encode("TTGGAAGTTT"), encode("A" * 10)]))), spec=spec)
    plain = np.asarray(Logo(spec).draw(samples)).astype(int)
    marked = np.asarray(Logo(spec, motifs=path, p_value=1e-3).draw(samples)).astype(int)
    assert marked.shape[0] > plain.shape[0]  # the legend
    wide = min(plain.shape[1], marked.shape[1])
    different = (plain[: -MARGIN - LINE // 2, :wide] != marked[: plain.shape[0] - MARGIN - LINE // 2, :wide]).any(2)
    rows, columns = np.flatnonzero(different.any(1)), np.flatnonzero(different.any(0))
    left = MARGIN + AXIS
    assert columns.min() == left + 2 * 24 - 1 and columns.max() == left + 8 * 24 - 1
    assert rows.max() - rows.min() < 18  # of the first row alone
    corner = marked[rows.min(), columns.min()]
    assert tuple(corner) == BOX_COLOURS[0]
    hits = places_of_hits(samples.samples, [motif_of("GGAAGT", "ETS")], 1e-3)
    assert "ETS in 1 of these 2" in legend([motif_of("GGAAGT", "ETS")], hits, 1e-3)
    assert "none of 7 motifs anywhere of these 1" in legend([motif_of("GG")] * 7, [[]], 1e-3)


# The motif that a predictor has learned


@pytest.mark.parametrize("both_strands", [True, False])
def test_words_are_aligned_to_what_they_share(both_strands: bool) -> None:
    rng = np.random.default_rng(3)
    words = rng.integers(0, 4, (40, 14), dtype=np.uint8)
    for word in words:
        place = int(rng.integers(0, 7))
        word[place : place + 8] = encode("ACCGGAAG")
        if both_strands and rng.random() < 0.5:
            word[:] = COMPLEMENT[word[::-1]]
    found = Motif("found", "", aligned_counts(words, both_strands))
    like = likeness(found, motif_of("ACCGGAAG"))
    assert like.correlation > 0.9 and like.letters >= 7


def test_likeness_finds_shift_and_strand() -> None:
    motif = motif_of("ACCGGAAG")
    turned = Motif("turned", "", motif.counts[::-1, ::-1])
    longer = Motif("longer", "", np.concatenate([np.full((4, 3), 10.0), motif.counts], 1))
    assert likeness(motif, motif).correlation == pytest.approx(1) and likeness(motif, motif).shift == 0
    assert likeness(motif, turned).turned and likeness(motif, turned).correlation == pytest.approx(1)
    assert likeness(longer, motif).shift == 3 and likeness(motif, longer).shift == -3
    assert likeness(motif, motif_of("TTTTATAA")).correlation < 0.5
    flat = Motif("flat", "", np.ones((4, 8)))
    assert likeness(motif, flat).correlation == 0
    assert likeness(motif_of("AC"), motif_of("ACCGGAAG")).letters == 2


def test_the_motif_of_a_score_is_the_one_that_the_score_looks_for() -> None:
    known = motif_of("ACCGGAAG", "ETS")
    matrix = torch.from_numpy(known.log_odds() / GRID).float()[None]

    class Looks(Objectives):
        learned = differentiable = True

        def __init__(self, sign: float = 1.0):
            self.sign = sign

        def __call__(self, samples: Tensor) -> Tensor:
            return self.sign * torch.nn.functional.conv1d(samples[:, :4], matrix).amax((1, 2))

    spec, codes = sequence_spec(36), np.random.default_rng(0).integers(0, 4, (50, 36), dtype=np.uint8)
    found = own_motif("predictor", Looks(), spec, codes, 0)
    assert found is not None
    like = likeness(found, known)
    assert like.correlation > 0.85 and not like.turned
    sentence = motif_sentence(found, [motif_of("TTTTATAA", "TATA"), known])
    assert (
        sentence.startswith("the predictor's own motif") and "most like ETS" in sentence and found.consensus in sentence
    )
    alone, beside = motif_picture([found], [], spec), motif_picture([found], [known], spec)
    assert beside.height > 1.5 * alone.height
    assert own_motif("predictor", Looks(), sequence_spec(9), codes[:, :9], 0) is not None
    Looks.learned = False
    assert own_motif("predictor", Looks(), spec, codes, 0) is None
