"""The metrics: against plain Python, and the verdicts on sequences that were made to be bad in one way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import ANY, decode, encode, one_hot
from gantk_dna.codes import base_shares, gc_content, information
from gantk_dna.markov import Markov
from gantk_dna.metrics.baselines import compared
from gantk_dna.metrics.c2st import C2st, auroc, kmer_features
from gantk_dna.metrics.composition import Composition
from gantk_dna.metrics.kmers import Kmers
from gantk_dna.metrics.motif_hits import MotifHits
from gantk_dna.metrics.nearest import Nearest, nearest
from gantk_dna.metrics.quality import Quality, longest_runs, pairwise_distance

from gantk.data import Resident, generated
from gantk.errors import DataError, DoesNotFit
from gantk.interfaces import MetricInput, Samples
from gantk.spec import DataSpec

LENGTH = 30


def dataset(codes: np.ndarray) -> Resident:
    spec = DataSpec(
        shape=(4, codes.shape[1]), axes=("base", "position"), range=(0.0, 1.0), categorical=True,
        names={"base": tuple("ACGT")},
    )  # fmt: skip
    return Resident(spec, one_hot(torch.from_numpy(codes)))


def letters(n: int, seed: int, length: int = LENGTH) -> np.ndarray:
    """GC-poor random sequences with TATAAT in most of them at positions 10 … 15."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(4, (n, length), p=[0.3, 0.15, 0.2, 0.35]).astype(np.uint8)
    with_box = rng.random((n, 6)) < 0.8
    if length >= 16:
        codes[:, 10:16] = np.where(with_box, encode("TATAAT"), codes[:, 10:16])
    return codes


TRAIN, TEST = dataset(letters(1500, 1)), dataset(letters(800, 2))


def samples(codes: np.ndarray) -> Samples:
    return generated(one_hot(torch.from_numpy(codes)), dataset(codes).spec)


def compute(metric: Any, codes: np.ndarray, train: Resident = TRAIN, test: Resident = TEST) -> tuple[dict, str]:
    values = metric.compute(MetricInput(samples(codes), train, test, rng=torch.Generator().manual_seed(0), nets={}))
    assert all(math.isfinite(value.value) for value in values.values())
    return values, metric.summary(values) if hasattr(metric, "summary") else ""


def test_numbers_that_have_a_plain_definition() -> None:
    codes = letters(50, 5)
    codes[0, :5], codes[1] = ANY, 0
    texts = decode(codes)
    gc = [sum(letter in "GC" for letter in text) / sum(letter != "N" for letter in text) for text in texts]
    assert gc_content(codes) == pytest.approx(gc)
    runs = [max(len(run) for base in "ACGT" for run in runs_of(text, base)) for text in texts]
    assert longest_runs(codes).tolist() == runs
    known = codes[2:]
    pairs = [(known[i] != known[j]).sum() for i in range(48) for j in range(48) if i != j]
    assert pairwise_distance(known) == pytest.approx(np.mean(pairs))
    shares = base_shares(known)
    entropy = [-sum(p * math.log2(p) for p in column if p > 0) for column in shares.T]
    assert information(shares) == pytest.approx([2 - bits for bits in entropy], abs=1e-12)


def runs_of(text: str, base: str) -> list[str]:
    return "".join(letter if letter == base else " " for letter in text).split() or [""]


def levenshtein(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row, before = [i], row
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
    return row[-1]


def test_nearest_is_the_smallest_levenshtein_distance() -> None:
    queries, known = decode(letters(70, 6, 12)), decode(letters(25, 7, 14))
    table = [[levenshtein(query, each) for each in known] for query in queries]
    distances, places = nearest(queries, known)
    assert distances.tolist() == [min(row) for row in table]
    assert all(row[place] == min(row) for row, place in zip(table, places, strict=True))
    own, places = nearest(queries, [*queries, *known], but_itself=True)
    assert (places != np.arange(70)).all()
    assert own[0] == min(levenshtein(queries[0], each) for each in [*queries[1:], *known])


def test_features_of_the_classifier_are_counts_and_places() -> None:
    codes = letters(9, 8, 12)
    codes[0, 3] = ANY
    features = kmer_features(codes)
    assert features.shape == (9, 4 + 16 + 64 + 256 + 4 * 12)
    text = decode(codes)[4]
    expected = sum(text[at : at + 2] == "TA" for at in range(11))
    assert features[4, 4 + 3 * 4 + 0] == expected
    assert features[0, :4].sum() == 11 and features[0, 340:].sum() == 11


def test_all_sets_that_are_compared_have_one_size() -> None:
    sets = compared(MetricInput(samples(letters(300, 9)), TRAIN, TEST, torch.Generator().manual_seed(0)), 200)
    assert {len(each) for each in [*sets.all.values(), sets.held_out]} == {200}
    assert list(sets.all) == ["generated", "real", "position-wise", "iid", "Markov-1", "Markov-3", "Markov-5"]
    with pytest.raises(DataError, match="no generated"):
        compared(MetricInput(samples(letters(0, 9)), TRAIN, TEST, torch.Generator()), 200)


def test_real_sequences_are_found_good() -> None:
    real = letters(800, 11)
    assert "not told from real" in compute(Kmers(samples=800), real)[1]
    values, words = compute(Composition(), real)
    assert "composition right" in words and "positional signal kept" in words
    assert values["signal_positions"].value == 6 and "10, 11, 12, 13, 14, 15" in values["signal_positions"].note
    assert "not memorised" in compute(Nearest(samples=60), real)[1]
    assert "diverse" in compute(Quality(samples=300, compared_with=50), real)[1]
    values, words = compute(C2st(samples=800), real)
    assert "cannot tell" in words and values["auroc"].value < 0.56


def test_copies_are_memorised() -> None:
    values, words = compute(Nearest(samples=60), letters(1500, 1)[:100])
    assert words.startswith("memorised") and values["copies"].value == 1.0 and values["ratio"].value == 0.0


def test_one_sequence_many_times_is_collapsed() -> None:
    values, words = compute(Quality(samples=200, compared_with=20), np.repeat(letters(4, 12), 50, axis=0))
    assert words.startswith("collapsed") and values["distinct"].value == 4 / 200
    assert values["nearest_other"].value == 0


def test_other_letters_are_composition_off() -> None:
    uniform = np.random.default_rng(0).integers(0, 4, (800, LENGTH), dtype=np.uint8)
    assert "composition off" in compute(Kmers(samples=800), uniform)[1]
    values, words = compute(Composition(), uniform)
    assert "composition off: GC" in words and "signal lost" in words
    assert values["signal_error"].value > 0.9


def test_a_markov_chain_has_the_words_but_not_the_places() -> None:
    made = Markov(letters(1500, 1), 3).sample(800, LENGTH, torch.Generator().manual_seed(1))
    values, words = compute(Kmers(samples=800), made)
    assert "worse than independent" not in words
    assert "positional signal lost" in compute(Composition(), made)[1]
    values, words = compute(C2st(samples=800), made)
    assert "tells" in words and values["auroc"].value > 0.9


def test_the_small_net_sees_it_too() -> None:
    made = Markov(letters(1500, 1), 1).sample(400, LENGTH, torch.Generator().manual_seed(1))
    found = [auroc(made, letters(400, 2), torch.Generator().manual_seed(0), TRAIN, "cnn") for _ in range(2)]
    assert found[0] > 0.65 and found[0] == found[1]


def test_hit_rates_of_a_planted_motif(tmp_path: Path) -> None:
    path = tmp_path / "box.jaspar"
    rows = np.eye(4)[encode("TATAAT")].T * 40 + 1
    lines = [f"{base} [ {' '.join(map(str, row))} ]" for base, row in zip("ACGT", rows, strict=True)]
    path.write_text("\n".join([">X1 box", *lines]) + "\n")
    metric = MotifHits(file=path, p_value=1e-3)
    values, _ = compute(metric, letters(800, 13))
    rate = values["rate_box"]
    texts = decode(letters(800, 2))
    exact = np.mean(["TATAAT" in text or "ATTATA" in text for text in texts])
    assert rate.reference == pytest.approx(exact, abs=1e-6)  # at this p-value only the word itself counts
    assert rate.value == pytest.approx(exact, abs=0.06) and "Markov-5" in rate.note
    assert values["difference"].value < 0.06
    uniform = np.random.default_rng(0).integers(0, 4, (800, LENGTH), dtype=np.uint8)
    assert compute(metric, uniform)[0]["rate_box"].value < 0.1
    assert "too short" in compute(MotifHits(file=path, p_value=1e-6), uniform)[0]["rate_box"].note


def test_samples_that_are_no_sequences_are_refused() -> None:
    spec = DataSpec(shape=(1, 8), axes=("channel", "position"))
    with pytest.raises(DoesNotFit, match="4 bases"):
        compared(MetricInput(generated(torch.zeros(3, 1, 8), spec), TRAIN, TEST, torch.Generator()), 10)
    protein = DataSpec(shape=(4, 8), axes=("base", "position"), names={"base": tuple("HPKR")})
    with pytest.raises(DoesNotFit, match="H, P, K, R"):
        compared(MetricInput(generated(torch.zeros(3, 4, 8), protein), TRAIN, TEST, torch.Generator()), 10)
    for metric in (Composition(), C2st()):
        with pytest.raises(DoesNotFit, match="length"):
            compute(metric, letters(100, 3, LENGTH + 2))


def test_ambiguous_letters_are_counted_as_invalid() -> None:
    codes = letters(100, 14)
    codes[:, 0] = ANY
    assert compute(Quality(samples=100, compared_with=5), codes)[0]["invalid"].value == pytest.approx(1 / LENGTH)
