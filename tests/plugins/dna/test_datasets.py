"""Data sets: what samples are, what happens to odd sequences, and splits that do not leak."""

from __future__ import annotations

import gzip
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from Bio.Seq import Seq
from gantk_dna import alphabet
from gantk_dna.alphabet import decode, one_hot, reverse_complement, sequence_spec, shared_codes
from gantk_dna.data import splitting
from gantk_dna.data.genome import Genome
from gantk_dna.data.onehot import OneHot
from gantk_dna.data.planted import Planted
from gantk_dna.data.sequences import Sequences
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from gantk.data import take
from gantk.errors import DataError
from gantk.interfaces import SPLITS

texts = st.lists(st.text("ACGT", min_size=6, max_size=6), min_size=1, max_size=40)


def lines(folder: Path, content: list[str] | str, name: str = "s.txt") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else "\n".join(content) + "\n")
    return path


def random_texts(n: int, length: int, seed: int = 0) -> list[str]:
    return decode(np.random.default_rng(seed).integers(0, 4, (n, length)))


def texts_of(dataset: OneHot) -> list[str]:
    return decode(shared_codes(dataset.batch(torch.arange(len(dataset)), None).samples))


def all_sides(kind: type, **options: object) -> list[list[str]]:
    return [texts_of(kind(split, **options)) for split in SPLITS]


def test_samples_are_one_hot_columns(tmp_path: Path) -> None:
    data = Sequences("train", path=lines(tmp_path, ["ACGTT", "acgtt", "GGCAT"]), validation=0, test=0)
    assert (data.spec.shape, data.spec.axes) == ((4, 5), ("base", "position"))
    assert (data.spec.categorical, data.spec.range, data.spec.attributes) == (True, (0, 1), {"annotation_channels": 0})
    assert data.spec.names == {"base": ("A", "C", "G", "T")}
    samples = data.batch(torch.tensor([0, 1]), None).samples
    assert samples.shape == (2, 4, 5) and samples.dtype == torch.float32 and samples.is_contiguous()
    assert samples[0, :, :3].equal(torch.eye(4)[:, :3])
    assert data.stored.dtype == torch.uint8


def test_rna_and_ambiguity_codes(tmp_path: Path) -> None:
    rna = Sequences("train", path=lines(tmp_path, ["ACGU"]), alphabet="rna", validation=0, test=0)
    assert rna.spec.names["base"] == ("A", "C", "G", "U")
    kept = Sequences("train", path=lines(tmp_path, ["ARNU", "ACGT"]), alphabet="iupac", validation=0, test=0)
    samples = take(kept, 1).samples[0]
    assert samples.T.tolist() == [[1, 0, 0, 0], [0.5, 0, 0.5, 0], [0.25] * 4, [0, 0, 0, 1]]
    assert texts_of(kept) == ["ARNT", "ACGT"]


@pytest.mark.parametrize(
    ("policy", "anchor", "expected"),
    [
        ("drop", "start", ["AAAA", "CCCC"]),
        ("crop", "start", ["AAAA", "ACGT", "CCCC"]),
        ("crop", "centre", ["AAAA", "CGTG", "CCCC"]),
        ("crop", "end", ["AAAA", "GTGG", "CCCC"]),
        ("pad", "start", ["AAAA", "ACGT", "TGNN", "CCCC"]),
        ("pad", "centre", ["AAAA", "CGTG", "NTGN", "CCCC"]),
        ("pad", "end", ["AAAA", "GTGG", "NNTG", "CCCC"]),
    ],
)
def test_other_lengths(tmp_path: Path, policy: str, anchor: str, expected: list[str]) -> None:
    path = lines(tmp_path, ["AAAA", "ACGTGG", "TG", "CCCC"])
    data = Sequences("train", path=path, other_lengths=policy, anchor=anchor, validation=0, test=0)
    assert texts_of(data) == expected


def test_ambiguity_codes_are_dropped_or_drawn_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = lines(tmp_path, ["ACGT", "RRRR", *["NNNNACGT"[i % 4 : i % 4 + 4] for i in range(2)]])
    dropped = Sequences("train", path=path, ambiguous="drop", validation=0, test=0)
    assert texts_of(dropped) == ["ACGT"]
    assert "removed: 3 with ambiguity codes; left: 1" in capsys.readouterr().err
    many = lines(tmp_path, [f"{text}RYN" for text in random_texts(600, 9)], "many.txt")
    drawn = Sequences("train", path=many, ambiguous="sample", validation=0, test=0)
    assert "1,800 ambiguity codes replaced" in capsys.readouterr().err
    columns = np.array([list(text) for text in texts_of(drawn)]).T
    for place, letters in ((9, "AG"), (10, "CT"), (11, "ACGT")):
        found, counts = np.unique(columns[place], return_counts=True)
        assert "".join(found) == letters and counts.min() > 600 / len(letters) * 0.75
    again = Sequences("train", path=many, ambiguous="sample", validation=0, test=0)
    assert texts_of(drawn) == texts_of(again)


@settings(max_examples=60, deadline=None)
@given(texts, st.booleans(), st.integers(0, 3))
def test_equal_sequences_never_stand_on_two_sides(found: list[str], both: bool, seed: int) -> None:
    codes = np.stack([alphabet.encode(text) for text in found])
    sides = splitting.sides_by_sequence(splitting.keys_of(codes, both), (0.3, 0.3), seed)
    of_text: dict[str, int] = {}
    for text, side in zip(found, sides, strict=True):
        assert of_text.setdefault(text, side) == side
    if both:
        for text, side in of_text.items():
            assert of_text.get(str(Seq(text).reverse_complement()), side) == side


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60), st.integers(0, 3))
def test_groups_stay_whole_and_every_split_gets_one(groups: list[str], seed: int) -> None:
    if len(set(groups)) < 3:
        with pytest.raises(DataError, match="needs 3"):
            splitting.sides_by_group(groups, (0.2, 0.2), seed, "x")
        return
    sides = splitting.sides_by_group(groups, (0.2, 0.2), seed, "x")
    assert all(len(set(sides[np.array(groups) == group])) == 1 for group in groups)
    assert set(sides) == {0, 1, 2}


def test_alike_sequences_are_one_cluster_and_one_side(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    family = []
    for text in random_texts(60, 20):
        for _ in range(3):
            letters = list(text)
            letters[rng.integers(20)] = "ACGT"[rng.integers(4)]
            family.append("".join(letters))
    sides = all_sides(Sequences, path=lines(tmp_path, family), split_by="identity", identity=0.8, test=0.2)
    assert [len(side) > 10 for side in sides] == [True] * 3
    for one, other in ((0, 1), (0, 2), (1, 2)):
        for text in sides[one]:
            assert max(Levenshtein.normalized_similarity(text, each) for each in sides[other]) < 0.8
    turned = [str(Seq(text).reverse_complement()) for text in family]
    assert len(set(splitting.clusters(family, 0.8, turned))) <= len(set(splitting.clusters(family, 0.8)))
    assert splitting.clusters([family[0], turned[0]], 0.9, [turned[0], family[0]]).tolist() == [0, 0]
    with pytest.raises(DataError, match="too many"):
        splitting.clusters(["A"] * 20_001, 0.8)


def test_a_split_depends_on_its_seed_and_not_on_other_sequences(tmp_path: Path) -> None:
    found = random_texts(500, 12)
    some = all_sides(Sequences, path=lines(tmp_path, found[:300], "some"))
    more = all_sides(Sequences, path=lines(tmp_path, found, "more"))
    other = all_sides(Sequences, path=lines(tmp_path, found, "more"), seed=1)
    assert all(set(one) <= set(two) for one, two in zip(some, more, strict=True))
    assert more != other
    assert [len(side) for side in more] == pytest.approx([400, 50, 50], abs=25)


def test_labels_scores_bins_and_percentiles(tmp_path: Path) -> None:
    rows = [
        f"{text},{'ab'[at % 2]},{at / 100 if at else 'NA'},chr{at % 7}" for at, text in enumerate(random_texts(400, 10))
    ]
    path = lines(tmp_path, ["seq,label,score,chr", *rows], "t.csv")
    known = {row.split(",")[0]: row.split(",")[1:] for row in rows}
    data = Sequences("train", path=path, label="label", score="score")
    assert data.spec.classes == ("a", "b")
    batch = data.batch(torch.arange(len(data)), None)
    assert batch.labels is not None and batch.labels.dtype == torch.int64
    for text, label, score in zip(texts_of(data), batch.labels.tolist(), batch.truth["score"].tolist(), strict=True):
        assert known[text][0] == "ab"[label] and float(known[text][1]) == pytest.approx(score)
    binned = Sequences("train", path=path, score="score", bins=4)
    counts = torch.bincount(take(binned, 400).labels)
    assert len(binned.spec.classes) == 4 and counts.max() - counts.min() <= 1
    low = Sequences("train", path=path, score="score", percentiles=(0, 40))
    assert len(low) == pytest.approx(0.4 * len(binned), abs=2)
    assert take(low, 400).truth["score"].max() < take(binned, 400).truth["score"].max() / 2
    groups = all_sides(Sequences, path=path, split_by="group", split_column="chr", test=0.2, validation=0.2)
    assert [len({known[text][2] for text in side}) for side in groups] == [5, 1, 1]


def test_counts_in_bins_given_split_and_annotation(tmp_path: Path) -> None:
    table = "set,ct_0,ct_1,ct_2,seq,exon\ntraining,1,0,3,ACGT,0110\ntest,0,2,0,TTTT,0000\ntraining,0,0,0,GGGG,1111\n"
    options = {"path": lines(tmp_path, table, "t.csv"), "split_by": "given", "split_column": "set"}
    data = Sequences("train", **options, score=["ct_0", "ct_1", "ct_2"], annotation="exon")
    assert texts_of(data) == ["ACGT"]  # GGGG was never counted
    assert data.batch(torch.tensor([0]), None).truth["score"].tolist() == [1.5]
    assert data.spec.shape == (5, 4) and data.spec.names["base"][4] == "exon"
    assert data.spec.attributes["annotation_channels"] == 1
    assert take(data, 1).samples[0, 4].tolist() == [0, 1, 1, 0]
    assert len(Sequences("test", **options)) == 1 and len(Sequences("validation", **options)) == 0


def test_reverse_complements_in_training_only() -> None:
    codes = torch.from_numpy(np.random.default_rng(0).integers(0, 4, (200, 9)).astype(np.uint8))
    data = OneHot(sequence_spec(9), codes, both_strands=True)
    plain = data.batch(torch.arange(200), None).samples
    assert plain.equal(one_hot(codes))
    mixed = data.batch(torch.arange(200), torch.Generator().manual_seed(1)).samples
    turned = (mixed != plain).flatten(1).any(1)
    assert mixed[turned].equal(reverse_complement(plain[turned])) and 70 < turned.sum() < 130
    text = decode(shared_codes(reverse_complement(plain[:1])))[0]
    assert text == str(Seq(decode(codes[:1])[0]).reverse_complement())
    assert mixed.equal(data.batch(torch.arange(200), torch.Generator().manual_seed(1)).samples)


def fasta(folder: Path, *contigs: str) -> Path:
    return lines(folder, "".join(f">chr{at}\n{text}\n" for at, text in enumerate(contigs)), "g.fa")


def test_tiled_windows_and_contigs(tmp_path: Path) -> None:
    texts = random_texts(3, 103)
    sides = all_sides(Genome, path=fasta(tmp_path, *texts), length=10, contigs=["chr0", "chr2"], block=20, test=0.2)
    assert sorted(chain(*sides)) == sorted(
        text[at : at + 10] for text in (texts[0], texts[2]) for at in range(0, 91, 10)
    )
    by_contig = all_sides(Genome, path=fasta(tmp_path, *texts), length=10, split_by="contig")
    assert sorted(len(side) for side in by_contig) == [10, 10, 10]


@pytest.mark.parametrize("stride", [1, 3, 7])
def test_overlapping_windows_never_share_a_letter_across_sides(tmp_path: Path, stride: int) -> None:
    path = fasta(tmp_path, *random_texts(2, 900))
    seen: dict[tuple[int, int], str] = {}
    total = 0
    for split in SPLITS:
        data = Genome(split, path=path, length=12, stride=stride, block=30, test=0.3, validation=0.2)
        total += len(data)
        for contig, start in zip(data.truth["contig"].tolist(), data.truth["start"].tolist(), strict=True):
            for place in range(start, start + 12):
                assert seen.setdefault((contig, place), split) == split
    assert total > 0.6 * 2 * (900 - 12) / stride


def test_windows_around_intervals_on_both_strands_with_annotation(tmp_path: Path) -> None:
    text = random_texts(1, 60)[0]
    bed = lines(tmp_path, "chr0\t20\t26\tx\t3.5\t+\nchr0\t30\t36\ty\t1\t-\nchr0\t0\t4\tz\t1\t+\n", "b.bed")
    exons = lines(tmp_path, "chr0\t24\t40\n", "exon.bed")
    data = Genome(
        "train", path=fasta(tmp_path, text), length=10, bed=bed, annotation=exons, validation=0, test=0, block=10
    )
    turned = str(Seq(text[28:38]).reverse_complement())
    assert texts_of(data) == [text[18:28], turned]  # the third would reach over the end
    assert data.truth["score"].tolist() == [3.5, 1.0]
    assert take(data, 2).samples[:, 4].tolist() == [[0] * 6 + [1] * 4, [1] * 10]
    assert data.spec.names["base"][4] == "exon"


def test_windows_with_ambiguity_codes_are_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = fasta(tmp_path, random_texts(1, 30)[0] + "N" * 10 + random_texts(1, 30, 1)[0])
    assert sum(len(Genome(split, path=path, length=10, block=10)) for split in SPLITS) == 6
    assert "removed: 1 with ambiguity codes" in capsys.readouterr().err


def test_planted_motifs_are_where_truth_says() -> None:
    data = Planted("train", length=30, samples=500, motif="GATNRC", both_strands=True, share=0.5)
    batch = data.batch(torch.arange(500), None)
    assert batch.labels is not None and data.spec.classes == ("without", "with")
    assert 200 < batch.labels.sum() < 300
    facts = zip(texts_of(data), batch.truth["start"].tolist(), batch.truth["reverse"].tolist(), strict=True)
    for (text, start, reverse), label in zip(facts, batch.labels.tolist(), strict=True):
        assert (start >= 0) == bool(label)
        if label:
            site = text[start : start + 6]
            site = str(Seq(site).reverse_complement()) if reverse else site
            assert site[:3] == "GAT" and site[4] in "AG" and site[5] == "C"
    assert texts_of(Planted("test")) == texts_of(Planted("test")) != texts_of(Planted("test", seed=1))
    fixed = Planted("test", length=30, held_out=20, motif="CACGTG", position=24)
    assert all(text.endswith("CACGTG") for text in texts_of(fixed)) and fixed.spec.origin == "simulated"


def test_planted_background_follows_a_file(tmp_path: Path) -> None:
    path = lines(tmp_path, ["AT" * 40, "TA" * 40])
    found = texts_of(Planted("train", length=20, samples=50, motif="G", position=0, background=path, order=1))
    assert all(text[1:] in "AT" * 20 for text in found)
    matrix = lines(tmp_path, ">MA1 X\nA [ 8 0 ]\nC [ 0 8 ]\nG [ 0 0 ]\nT [ 0 0 ]\n", "m.jaspar")
    data = Planted("train", length=5, samples=9, motif_file=matrix, position=3)
    assert all(text[3:] == "AC" for text in texts_of(data)) and data.spec.attributes["motif"] == "X"
    with pytest.raises(DataError, match="do not fit into 5"):
        Planted("train", length=5)
    with pytest.raises(DataError, match=r"give data\.motif_file"):
        Planted("train", motif_name="X")


def test_real_promoters_are_without_duplicates(test_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = all_sides(Sequences, path=test_data / "dna" / "ecoli_promoters_50bp.txt")
    everything = list(chain(*sides))
    assert len(everything) == len(set(everything)) == 11_884
    told = capsys.readouterr().err
    assert "14,098 sequences; removed: 2,214 equal to an earlier one; left: 11,884" in " ".join(told.split())
    assert told.count("14,098") == 1  # told once, not once a split


def test_real_splice_sites_genome_and_expression(test_data: Path) -> None:
    folder = test_data / "dna"
    splice = Sequences("train", path=folder / "uci_splice.csv", label="label", ambiguous="sample")
    assert splice.spec.classes == ("EI", "IE", "N") and splice.spec.shape == (4, 60)
    donors = [text for text, label in zip(texts_of(splice), splice.labels.tolist(), strict=True) if label == 0]
    assert np.mean([text[30:32] == "GT" for text in donors]) > 0.95
    lac = folder / "lac_sortseq_75bp.csv.gz"
    options = {"score": [f"ct_{at}" for at in range(10)], "split_by": "given", "split_column": "set"}
    sizes = [len(Sequences(split, path=lac, **options)) for split in SPLITS]
    assert sizes == [30_516, 10_067, 9_935]


def test_real_genome(test_data: Path) -> None:
    path = test_data / "dna" / "ecoli536_NC_008253.fna.gz"
    sizes = [len(Genome(split, path=path)) for split in SPLITS]
    assert 98_000 < sum(sizes) <= 98_778 and sizes[2] == pytest.approx(9_877, rel=0.02)
    with gzip.open(path, "rt") as file:
        first = [next(file) for _ in range(2)][1][:50]
    windows = [Genome(split, path=path) for split in SPLITS]
    assert first in {text for each in windows for text in texts_of(each)[:1]}


@pytest.mark.parametrize(
    ("duplicates", "scores", "told"),
    [
        ("remove", [1, 5, 2, 3], "1 with another score: the first stays; data.duplicates=average"),
        ("average", [5, 5, 2, 3], "1 with another score: averaged"),
        ("keep", [1, 9, 5, 2, 3], None),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_equal_sequences_with_other_scores(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    duplicates: str,
    scores: list[int],
    told: str | None,
    turned: bool,
) -> None:
    again = "GTACGTACTC" if turned else "GAGTACGTAC"
    rows = ["GAGTACGTAC,1", f"{again},9", "TTTTACGTAC,", "TTTTACGTAC,5", "GGGTACGTAC,2", "CCCTACGTAC,3"]
    path = lines(tmp_path, ["sequence,activity", *rows], "t.csv")
    data = Sequences(
        "train", path=path, score="activity", duplicates=duplicates, both_strands=turned, validation=0, test=0
    )
    assert data.batch(torch.arange(len(data)), None).truth["score"].tolist() == scores
    said = capsys.readouterr().err
    assert "removed: 1 without a score" in said  # measured only in a later row: it is not lost
    assert told is None or told in said


def test_of_equal_sequences_is_told_what_else_the_table_says_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["ACGT,a,train,0110", "ACGT,b,test,0111", "ACGG,a,train,0000", "ACGG,a,train,0000"]
    path = lines(tmp_path, ["sequence,label,side,marks", *rows], "t.csv")
    Sequences("train", path=path, label="label", split_by="given", split_column="side", annotation="marks")
    assert (
        "2 equal to an earlier one (of them 1 with another label, 1 with another entry in the column of the split, "
        "1 with another annotation)" in capsys.readouterr().err
    )


def test_equal_windows_with_other_scores_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = lines(tmp_path, f">a\n{'ACGTA' * 3}\n", "g.fa")
    bed = lines(tmp_path, "a\t0\t5\tx\t1\na\t5\t10\tx\t2\na\t10\t15\tx\t1\n", "b.bed")
    Genome("train", path=path, bed=bed, length=5, validation=0, test=0)
    assert "2 equal to an earlier one (of them 1 with another score: the first stays)" in capsys.readouterr().err
