"""Test splits by name, and whether held-out sequences are suspiciously near to the training set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import COMPLEMENT, decode
from gantk_dna.data.genome import Genome
from gantk_dna.data.leaks import leak_of
from gantk_dna.data.sequences import Sequences
from gantk_dna.data.splitting import TEST, TRAIN, sides_by_group
from hypothesis import given
from hypothesis import strategies as st

from gantk.data import take
from gantk.errors import DataError
from gantk.interfaces import SPLITS


def random_text(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    path = tmp_path / "genome.fa"
    path.write_text("".join(f">chr{number}\n{random_text(3000, number)}\n" for number in range(1, 6)))
    return path


@pytest.mark.parametrize("split_by", ["block", "contig"])
@pytest.mark.parametrize("test_contigs", [["chr2"], ["chr5", "chr1"]])
def test_named_contigs_are_the_test_split_and_nothing_else_is(
    genome: Path, split_by: str, test_contigs: list[str]
) -> None:
    text = dict(zip([f"chr{number}" for number in range(1, 6)], genome.read_text().splitlines()[1::2], strict=True))
    found = {}
    for split in SPLITS:
        data = Genome(
            split,
            path=genome,
            length=20,
            stride=10,
            block=300,
            split_by=split_by,
            test_contigs=test_contigs,  # type: ignore[arg-type]
        )
        samples = take(data, 10_000)
        found[split] = {name.partition(":")[0] for name in samples.names or ()}
        for name, window in zip(samples.names or (), decode(data.stored), strict=True):
            contig, _, place = name.partition(":")
            start, end = map(int, place.split("-"))
            assert text[contig][start:end] == window
    assert found["test"] == set(test_contigs)
    assert found["train"] and found["validation"] and not found["test"] & (found["train"] | found["validation"])


def test_windows_of_a_bed_file_say_their_strand(genome: Path, tmp_path: Path) -> None:
    lines = [f"chr{1 + at % 5}\t{at * 40}\t{at * 40 + 20}\tx\t7\t{'+-'[at % 2]}\n" for at in range(70)]
    (tmp_path / "peaks.bed").write_text("".join(lines))
    data = Genome("train", path=genome, bed=tmp_path / "peaks.bed", length=20, block=100)
    known = {f"{line.split()[0]}:{line.split()[1]}-{line.split()[2]}({line.split()[5]})" for line in lines}
    names = data.sample_names(torch.arange(len(data)))
    assert {*names} <= known and any(name.endswith("(-)") for name in names)


def test_wrong_names_are_refused_with_those_there_are(genome: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no contig 'chr9'; there are chr1, chr2"):
        Genome("train", path=genome, test_contigs=["chr9"])
    with pytest.raises(DataError, match="no contig 'chr2'; there are chr1, chr3"):
        Genome("train", path=genome, contigs=["chr1", "chr3"], test_contigs=["chr2"])
    with pytest.raises(DataError, match="beside those of the test split"):
        Genome("train", path=genome, length=20, split_by="contig", contigs=["chr1"], test_contigs=["chr1"])
    (tmp_path / "t.csv").write_text(
        "sequence,chrom\n" + "".join(f"{random_text(12, at)},chr{at % 4}\n" for at in range(80))
    )
    told = {"path": tmp_path / "t.csv", "split_by": "group", "split_column": "chrom"}
    with pytest.raises(DataError, match="nowhere 'chr8'; there are chr0, chr1"):
        Sequences("train", test_groups=["chr8"], **told)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="split_by=group"):
        Sequences("train", path=tmp_path / "t.csv", test_groups=["chr1"])
    assert len(Sequences("test", test_groups=["chr1"], **told)) == 20  # type: ignore[arg-type]
    assert len(Sequences("test", test_groups=["chr1", "chr3"], **told)) == 40  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 12), min_size=30, max_size=200), st.integers(0, 5), st.data())
def test_named_groups_are_whole_and_the_rest_is_shared(groups: list[int], seed: int, data: st.DataObject) -> None:
    different = sorted(set(groups))
    if len(different) < 4:
        return
    held_out = data.draw(st.sets(st.sampled_from(different), min_size=1, max_size=len(different) - 2))
    sides = sides_by_group(groups, (0.2, 0.1), seed, "x", held_out)
    assert {group for group, side in zip(groups, sides, strict=True) if side == TEST} == held_out
    assert (sides == TRAIN).any() and all(len({*sides[np.array(groups) == group]}) == 1 for group in different)


# Leaks


def random_codes(n: int, length: int = 30, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.uint8)


def varied(codes: np.ndarray, changes: int, seed: int = 0) -> np.ndarray:
    rng, made = np.random.default_rng(seed), codes.copy()
    for row in made:
        places = rng.choice(len(row), changes, replace=False)
        row[places] = (row[places] + rng.integers(1, 4, changes)) % 4
    return made


@pytest.mark.parametrize("turned", [False, True])
def test_variants_of_training_sequences_in_the_test_split_are_a_leak(turned: bool) -> None:
    training = random_codes(900)
    test = varied(training[:100], 2)
    sides = np.repeat([TRAIN, TEST], [900, 100])
    if turned:
        test = np.ascontiguousarray(COMPLEMENT[test[:, ::-1]])
    codes = np.concatenate([training, test])
    found = leak_of(codes, sides, both_strands=turned)
    assert found is not None and found.is_one and found.distance == pytest.approx(2, abs=0.1)
    assert "2.0 letters from the nearest training sequence" in str(found)
    if turned:
        assert not leak_of(codes, sides).is_one  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(5))
def test_random_splits_and_splits_that_are_far_apart_are_no_leak(seed: int) -> None:
    codes = random_codes(600, seed=seed)
    codes[300:] = varied(codes[:300], 2)  # data full of near relatives
    sides = np.random.default_rng(seed).permutation(np.repeat([TRAIN, TEST], [540, 60]))
    assert not leak_of(codes, sides, seed=seed).is_one  # type: ignore[union-attr]
    families = sides_by_group([at % 300 for at in range(600)], (0, 0.1), seed, "family")
    found = leak_of(codes, families, seed=seed)
    assert found is not None and not found.is_one and found.distance > found.redrawn
    assert leak_of(codes[:15], sides[:15]) is None


def test_a_given_split_that_leaks_warns(tmp_path: Path, capsys) -> None:
    training = random_codes(300)
    rows = [f"{text},train\n" for text in decode(training)] + [
        f"{text},test\n" for text in decode(varied(training[:50], 1))
    ]
    (tmp_path / "t.csv").write_text("sequence,set\n" + "".join(rows))
    Sequences("train", path=tmp_path / "t.csv", split_by="given", split_column="set")
    told = " ".join(capsys.readouterr().err.split())
    assert "warning" in told and "the split leaks: held-out sequences are 1.0 letters" in told
    fair = [f"{text},{'test' if at % 6 == 0 else 'train'}\n" for at, text in enumerate(decode(training))]
    (tmp_path / "u.csv").write_text("sequence,set\n" + "".join(fair))
    Sequences("train", path=tmp_path / "u.csv", split_by="given", split_column="set")
    told = " ".join(capsys.readouterr().err.split())
    assert (
        "the split leaks" not in told
        and "letters from the nearest training sequence on average (in splits drawn at random" in told
    )
