"""Metrics treat as the same what the data set does, and say nothing where chance could say it as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import ANY, COMPLEMENT, one_hot, sequence_spec
from gantk_dna.data.onehot import OneHot
from gantk_dna.metrics.baselines import PositionWise
from gantk_dna.metrics.c2st import C2st, auroc, interval
from gantk_dna.metrics.composition import Composition
from gantk_dna.metrics.kmers import Kmers
from gantk_dna.metrics.nearest import Nearest
from gantk_dna.metrics.quality import Quality, pairwise_distance

from gantk.data import generated
from gantk.interfaces import MetricInput, Samples

LENGTH = 24


def letters(n: int, seed: int, length: int = LENGTH) -> np.ndarray:
    """Random sequences, rich in G, that begin with AAC more often than not: the strands differ."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(4, (n, length), p=[0.2, 0.15, 0.35, 0.3]).astype(np.uint8)
    codes[:, :3] = np.where(rng.random((n, 3)) < 0.7, [0, 0, 1], codes[:, :3])
    return codes


def dataset(codes: np.ndarray, both_strands: bool = False) -> OneHot:
    return OneHot(sequence_spec(codes.shape[1]), torch.from_numpy(codes), both_strands=both_strands)


def samples(codes: np.ndarray) -> Samples:
    return generated(one_hot(torch.from_numpy(codes)), sequence_spec(codes.shape[1]))


def compute(metric: Any, codes: np.ndarray, train: OneHot, test: OneHot) -> tuple[dict, str]:
    values = metric.compute(MetricInput(samples(codes), train, test, rng=torch.Generator().manual_seed(0), nets={}))
    return values, metric.summary(values)


METRICS = [
    Kmers(samples=200, longest=3),
    Composition(samples=200),
    Nearest(samples=60),
    Quality(samples=200, compared_with=30),
    C2st(samples=200),
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: type(metric).__name__)
def test_turning_samples_over_changes_no_number_where_both_strands_count(metric: Any) -> None:
    train, test = dataset(letters(400, 1), True), dataset(letters(200, 2), True)
    made = letters(200, 3)
    made[:100:5] = letters(400, 1)[:20]  # some copies
    turned = np.where(np.random.default_rng(0).random((200, 1)) < 0.5, COMPLEMENT[made[:, ::-1]], made)
    before, words = compute(metric, made, train, test)
    after, again = compute(metric, turned, train, test)
    rounding = (
        2e-3 if isinstance(metric, C2st) else 1e-6
    )  # rows in another order: a regression stops a little elsewhere
    for name, value in before.items():
        assert after[name].value == pytest.approx(value.value, abs=rounding), name
    assert again.partition(":")[0] == words.partition(":")[0]


def test_the_other_strand_of_a_training_sequence_is_a_copy_where_both_count() -> None:
    codes = letters(400, 1)
    turned = np.ascontiguousarray(COMPLEMENT[codes[:100, ::-1]])
    for both, expected in ((True, 1.0), (False, 0.0)):
        train, test = dataset(codes, both), dataset(letters(200, 2), both)
        values, words = compute(Nearest(samples=100), turned, train, test)
        assert values["copies"].value == expected and words.startswith("memorised") == both
        repeated = np.concatenate([codes[:100], turned])
        assert compute(Quality(samples=200), repeated, train, test)[0]["distinct"].value == (0.5 if both else 1.0)


def test_distance_of_pairs_in_two_versions_is_that_of_plain_python() -> None:
    codes = letters(12, 5)
    other = COMPLEMENT[codes[:, ::-1]]
    pairs = [(codes[i] != other[j]).sum() for i in range(12) for j in range(12) if i != j]
    assert pairwise_distance(codes, other) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: type(metric).__name__)
def test_of_few_sequences_nothing_is_said(metric: Any) -> None:
    train, test = dataset(letters(400, 1)), dataset(letters(200, 2))
    values, words = compute(metric, letters(20, 3), train, test)
    assert "too few sequences to say (20 generated" in words
    assert {value.n for name, value in values.items() if value.better} == {20}


def test_a_classifier_is_judged_beside_its_own_reference() -> None:
    train, test = dataset(letters(2000, 1)), dataset(letters(300, 2))
    assert "cannot tell" in compute(C2st(), letters(300, 7), train, test)[1]
    other = np.random.default_rng(0).integers(0, 4, (300, LENGTH), dtype=np.uint8)
    assert "classifier tells" in compute(C2st(), other, train, test)[1]


def test_the_interval_of_an_auroc_holds_what_redraws_give() -> None:
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(300):
        one, two = rng.normal(0.8, 1, 60), rng.normal(0, 1, 60)
        drawn.append((one[:, None] > two).mean())
    low, high = interval(float(np.mean(drawn)), 60)
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.025)
    assert auroc(letters(40, 1), letters(40, 1), torch.Generator().manual_seed(0), dataset(letters(9, 1))) < 0.7


def test_memorising_is_not_judged_where_the_space_of_sequences_is_full() -> None:
    """In the form of 5' splice sites: 9 letters, of them one fixed and one of two."""

    def sites(n: int, seed: int) -> np.ndarray:
        codes = np.random.default_rng(seed).choice(4, (n, 9), p=[0.4, 0.1, 0.4, 0.1]).astype(np.uint8)
        codes[:, 3], codes[:, 4] = 2, np.where(codes[:, 4] % 2 == 0, 3, 1)
        return codes

    train, test = dataset(np.unique(sites(9000, 1), axis=0)), dataset(sites(300, 2))
    made = PositionWise(sites(9000, 1)).sample(200, 9, torch.Generator().manual_seed(0))
    values, words = compute(Nearest(), made, train, test)
    assert values["copies_by_chance"].value > 0.2 and "cannot be judged here" in words


def test_a_signal_that_real_sequences_do_not_have_is_named() -> None:
    plain = np.random.default_rng(1).integers(0, 4, (2000, LENGTH), dtype=np.uint8)
    made = np.random.default_rng(2).integers(0, 4, (400, LENGTH), dtype=np.uint8)
    train, test = dataset(plain[:1500]), dataset(plain[1500:])
    assert "invented" not in compute(Composition(), made, train, test)[1]
    made[:, 7] = 3
    values, words = compute(Composition(), made, train, test)
    assert "positional signal invented" in words and "T7" in words and values["invented"].value > 1.9


def test_long_homopolymers_and_invalid_letters_are_named() -> None:
    train, test = dataset(letters(600, 1)), dataset(letters(300, 2))
    made = letters(300, 3)
    _, words = compute(Quality(), made, train, test)
    assert words.startswith("diverse") and "too" not in words and "longer" not in words
    made[:60, 10:19] = 2
    assert "too many runs of 8" in compute(Quality(), made, train, test)[1]
    made[:, 5] = ANY
    assert "too many invalid letters" in compute(Quality(), made, train, test)[1]


def test_information_of_sets_of_unequal_size_is_corrected_once() -> None:
    plain = np.random.default_rng(1).integers(0, 4, (3000, LENGTH), dtype=np.uint8)
    train, test = dataset(plain[:2900]), dataset(plain[2900:])
    values, _ = compute(
        Composition(), np.random.default_rng(2).integers(0, 4, (60, LENGTH), dtype=np.uint8), train, test
    )
    assert values["information"].value < 0.025  # 3 / (2 ln 2 60) = .036 by chance alone
