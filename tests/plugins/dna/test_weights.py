"""Sequences that were observed more than once: trained on, measured and drawn as often as the column of counts says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import decode
from gantk_dna.codes import base_shares, codes_in, codes_of, distinct_in, information
from gantk_dna.data.sequences import Sequences
from gantk_dna.design.known import known_sequences
from gantk_dna.design.weighted_sum import halves
from gantk_dna.files.formats import Fasta, Table
from gantk_dna.metrics.baselines import models_of
from gantk_dna.metrics.composition import Composition
from gantk_dna.metrics.nearest import Nearest
from gantk_dna.views.logo import Logo
from gantk_dna.weights import MOST_COPIES, copies_of
from hypothesis import given
from hypothesis import strategies as st

from gantk.class_counts import class_counts
from gantk.cli import run_command_line
from gantk.data import take
from gantk.errors import DataError
from gantk.interfaces import SPLITS, MetricInput

SITE = np.array([[0.35, 0.35, 0.2, 0.1], [0.1, 0.1, 0.1, 0.7], [0, 0, 1, 0], [0, 0, 0, 1], [0.6, 0.03, 0.35, 0.02]])


def observations(n: int = 20_000, seed: int = 0) -> np.ndarray:
    """Sites drawn from `SITE`, (n, 5): of 256 possible words, the usual ones often."""
    draws = np.random.default_rng(seed).random((n, len(SITE), 1))
    return (draws >= SITE.cumsum(1)[None, :, :3]).sum(2).astype(np.uint8)


def counted_table(path: Path, codes: np.ndarray, *, split: int = 1, heading: str = "count") -> Path:
    """A table of different sequences and how often each occurs; each in `split` rows that share its count."""
    words, counts = np.unique(codes, axis=0, return_counts=True)
    rows = []
    for number, (word, count) in enumerate(zip(decode(words), counts.tolist(), strict=True)):
        parts = [count // split + (part < count % split) for part in range(split)]
        rows += [f"site{number}.{part},{word},{share}\n" for part, share in enumerate(parts)]
    path.write_text(f"name,sequence,{heading}\n" + "".join(rows))
    return path


def splits_of(**parameters: object) -> dict[str, Sequences]:
    return {split: Sequences(split, **parameters) for split in SPLITS}  # type: ignore[arg-type]


@pytest.mark.parametrize("split", [1, 3])
def test_counts_are_the_observations_that_they_count(tmp_path: Path, split: int, capsys) -> None:
    codes = observations()
    path = counted_table(tmp_path / "sites.csv", codes, split=split)
    found = splits_of(path=path, weight="count")
    together = np.concatenate([codes_in(each) for each in found.values()])
    assert sorted(map(bytes, together)) == sorted(map(bytes, codes))  # every observation stands on some side
    assert "by the weights of 'count' they count as 20,000" in capsys.readouterr().err
    assert len(found["train"]) == len(codes_in(found["train"])) > 10 * class_counts(found["train"])[""]
    different, names = distinct_in(found["train"])
    assert len(different) == len(np.unique(codes_in(found["train"]), axis=0)) == class_counts(found["train"])[""]
    assert names is not None and all(name.startswith("site") for name in names)
    unweighted = Sequences("train", path=path)
    truth, plain = information(base_shares(codes)), information(base_shares(codes_in(unweighted)))
    weighted = information(base_shares(together))
    assert weighted == pytest.approx(truth) and plain[1] < truth[1] / 2
    assert models_of(found["train"])["position-wise"].shares == pytest.approx(base_shares(codes_in(found["train"])))


def test_batches_labels_and_truth_follow_the_counts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [
        f"{word},{label},{number}\n"
        for word, label, number in zip(decode(observations(400)), "ab" * 200, range(1, 401), strict=True)
    ]
    path.write_text("sequence,kind,times\n" + "".join(rows))
    data = Sequences("train", path=path, weight="times", label="kind", score="times", duplicates="keep")
    batch = data.batch(torch.arange(len(data)), None)
    for score in batch.truth["score"].unique().tolist():
        chosen = batch.truth["score"] == score
        assert int(chosen.sum()) == score and len(batch.samples[chosen].unique(dim=0)) == 1
        assert batch.labels is not None and batch.labels[chosen].unique().tolist() == [(int(score) - 1) % 2]
    assert len(set(take(data, 50).names or ())) > 40  # the first ones are not copies of one sequence
    one, other = (part.batch(torch.arange(len(part)), None).truth["score"].tolist() for part in halves(data, 0))
    assert len(one) == len(set(one)) and not set(one) & set(other)


@given(st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=50), st.integers(100, 10_000))
def test_copies_are_in_proportion_and_one_at_least(weights: list[float], most: int) -> None:
    copies = copies_of(weights, most)
    assert copies.min() >= 1 and copies.sum() <= most + len(weights)
    factor = min(most, 10 * len(weights)) / sum(weights)
    whole = all(weight == round(weight) for weight in weights)
    if not whole:
        assert np.abs(copies - np.maximum(np.array(weights) * factor, 1)).max() <= 0.5 + 1e-6
    elif sum(weights) <= most:
        assert copies.tolist() == weights


def test_counts_beyond_what_memory_should_hold_are_scaled_and_said(tmp_path: Path, capsys) -> None:
    codes = observations()
    words, counts = np.unique(codes, axis=0, return_counts=True)
    rows = [f"{word},{count * 10**9}\n" for word, count in zip(decode(words), counts, strict=True)]
    (tmp_path / "t.csv").write_text("sequence,reads\n" + "".join(rows))
    found = splits_of(path=tmp_path / "t.csv", weight="reads")
    total = sum(map(len, found.values()))
    assert abs(total - MOST_COPIES) < 200 and "multiplied by one factor" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["-1", "many", "", "nan", "inf"])
def test_a_weight_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(f"sequence,reads\nACGT,3\nACGA,{text}\n")
    with pytest.raises(DataError, match="line 3"):
        Sequences("train", path=tmp_path / "t.csv", weight="reads")
    (tmp_path / "z.csv").write_text("sequence,reads\nACGT,0\nACGA,0\n")
    with pytest.raises(DataError, match="all weights"):
        Sequences("train", path=tmp_path / "z.csv", weight="reads")


def test_a_file_with_a_column_of_weights_counts_as_often(tmp_path: Path) -> None:
    codes = observations()
    counted = Table().read(counted_table(tmp_path / "sites.csv", codes, split=2, heading="weight"))
    assert sorted(map(bytes, codes_of(counted))) == sorted(map(bytes, codes))
    Table().write(tmp_path / "again.csv", counted)
    again = Table().read(tmp_path / "again.csv")
    assert again.names == counted.names and (again.truth["weight"] == counted.truth["weight"]).all()
    heights = Logo(counted.spec)._heights(counted).sum(0)
    chance = 3 / (2 * np.log(2) * len(codes))
    assert heights == pytest.approx(np.maximum(information(base_shares(codes)) - chance, 0), abs=1e-6)
    order = torch.randperm(len(counted))
    assert Logo(counted.spec)._heights(counted[order]).sum(0) == pytest.approx(heights)


def test_metrics_see_the_observations(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    codes = observations()
    train, test = (
        Sequences(split, path=counted_table(Path("s.csv"), codes), weight="count") for split in ("train", "test")
    )
    made = Table().read(counted_table(Path("made.csv"), observations(seed=1), heading="weight"))
    values = Composition(samples=5000).compute(MetricInput(made, train, test, torch.Generator().manual_seed(0)))
    assert values["signal_information"].value == pytest.approx(values["signal_information"].reference, rel=0.2)
    assert run_command_line(["evaluate", "made.csv", "--data", "made.csv", "evaluate=[{use: dna/kmers}]"]) == 0
    assert "too few" not in capsys.readouterr().err


# Names


def test_copies_are_named_on_both_sides_and_nearest_ones_in_designs(tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(0, 4, (200, 20), dtype=np.uint8)
    (tmp_path / "real.fa").write_text("".join(f">gene{at} human\n{text}\n" for at, text in enumerate(decode(codes))))
    found = splits_of(path=tmp_path / "real.fa")
    copied, names = distinct_in(found["train"])
    assert names is not None and decode(copied[:1]) == [decode(codes)[int(names[0].removeprefix("gene"))]]
    (tmp_path / "made.fa").write_text(
        f">mine\n{'A' * 20}\n>yours\n{decode(copied[3:4])[0]}\n" + ">z\n" + "C" * 20 + "\n"
    )
    made = Fasta().read(tmp_path / "made.fa")
    values = Nearest(samples=60).compute(
        MetricInput(made, found["train"], found["test"], torch.Generator().manual_seed(0))
    )
    assert values["copies"].note == f"share that stand in the training set: yours is {names[3]}"
    distances, nearest = known_sequences(found).nearest(codes[:5])
    assert distances.tolist() == [0] * 5 and nearest == [f"gene{at}" for at in range(5)]


@pytest.mark.parametrize("ending", [".fa", ".csv", ".tsv.gz", ".h5"])
def test_names_of_records_outlast_reading_and_writing(tmp_path: Path, ending: str) -> None:
    from gantk_basics.files.hdf5 import Hdf5

    (tmp_path / "real.fa").write_text(">chr2:1-5(+) kind=x\nACGT\n>b\nAACC\n>c\nGGTT\n")
    samples = Fasta().read(tmp_path / "real.fa")
    assert samples.names == ["chr2:1-5(+)", "b", "c"] and samples[torch.tensor([2, 0])].names == ["c", "chr2:1-5(+)"]
    assert samples[1:].names == ["b", "c"]
    form = {".fa": Fasta, ".h5": Hdf5}.get(ending, Table)()
    form.write(tmp_path / f"copy{ending}", samples)
    assert form.read(tmp_path / f"copy{ending}").names == samples.names


def test_samples_of_a_data_set_have_the_names_of_their_records(tmp_path: Path) -> None:
    texts = sorted(set(decode(observations(300))))
    (tmp_path / "t.csv").write_text("gene,sequence\n" + "".join(f"g{at},{text}\n" for at, text in enumerate(texts)))
    assert take(Sequences("train", path=tmp_path / "t.csv"), 3).names[0].startswith("row_")  # type: ignore[index]
    for split in SPLITS:
        samples = take(Sequences(split, path=tmp_path / "t.csv", name="gene"), 100)
        for name, text in zip(samples.names or (), decode(codes_of(samples)), strict=True):
            assert texts[int(name[1:])] == text
