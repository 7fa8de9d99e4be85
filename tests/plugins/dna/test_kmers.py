"""k-mer counts, divergences and Markov models: against plain Python, and the known numbers of the E. coli genome."""

from __future__ import annotations

import gzip
from collections import Counter
from math import log2
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import ANY, decode, encode, hard_codes
from gantk_dna.kmers import divergence, kmer_counts, kmer_numbers
from gantk_dna.markov import Markov
from gantk_dna.metrics.baselines import floors_note

from gantk.errors import DataError


def random_codes(n: int, length: int, seed: int = 0, letters: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, letters, (n, length), dtype=np.uint8)


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_counts_equal_plain_python_and_skip_ambiguous_letters(k: int) -> None:
    codes = random_codes(40, 30, letters=5)
    codes[codes == 4] = ANY
    words = Counter(text[at : at + k] for text in decode(codes) for at in range(len(text) - k + 1))
    names = ["".join("ACGT"[number // 4 ** (k - 1 - place) % 4] for place in range(k)) for number in range(4**k)]
    assert kmer_counts(codes, k).tolist() == [words[name] for name in names]


@pytest.mark.parametrize("k", [1, 4, 15, 16, 30])  # from 16 letters on, numbers need more than 32 bits
def test_numbers_are_the_letters_as_digits(k: int) -> None:
    codes = random_codes(6, 33, letters=4)
    codes[2, 20], codes[3, 0], codes[4] = ANY, ANY, ANY
    expected = [
        [
            sum(int(code) * 4 ** (k - 1 - at) for at, code in enumerate(word)) if word.max() < 4 else -1
            for word in (row[start : start + k] for start in range(33 - k + 1))
        ]
        for row in codes
    ]
    found = kmer_numbers(codes, k)
    assert found.dtype == np.int64 and found.tolist() == expected


def test_the_likeliest_base_is_the_first_of_those_that_are_as_likely() -> None:
    rng = torch.Generator().manual_seed(0)
    samples = torch.randint(0, 3, (200, 6, 37), generator=rng).float()
    for each in (samples, samples.movedim(1, 2).contiguous().movedim(2, 1), samples.double()):
        columns = each[:, :4].movedim(1, 2).tolist()
        assert hard_codes(each).tolist() == [[column.index(max(column)) for column in rows] for rows in columns]


def test_sequences_shorter_than_k_have_none() -> None:
    assert kmer_numbers(random_codes(3, 4), 6).shape == (3, 0)
    assert kmer_counts(random_codes(3, 4), 6).sum() == 0


def test_divergence_is_that_of_the_definition_in_bits() -> None:
    one, other = np.array([5, 0, 3, 2]), np.array([1, 4, 0, 5])
    p, q = one / one.sum(), other / other.sum()

    def to_mean(shares: np.ndarray) -> float:
        return sum(a * log2(a / ((b + c) / 2)) for a, b, c in zip(shares, p, q, strict=True) if a > 0)

    assert divergence(one, other) == pytest.approx((to_mean(p) + to_mean(q)) / 2)
    assert divergence(one, one * 7) == pytest.approx(0.0, abs=1e-12)
    assert divergence(np.array([1, 0]), np.array([0, 1])) == pytest.approx(1.0)
    assert divergence(np.array([0, 0]), np.array([0, 1])) == 1.0


@pytest.mark.parametrize("order", [0, 1, 3])
def test_markov_models_have_the_transitions_of_their_data(order: int) -> None:
    codes = random_codes(400, 60, seed=1) & random_codes(400, 60, seed=2)  # A is more frequent
    codes[:, 1:] = np.where(random_codes(400, 59, seed=3) > 1, codes[:, :-1], codes[:, 1:])  # and letters repeat
    model = Markov(codes, order)
    texts = decode(codes)
    for context, row in enumerate(model.next):
        letters = "".join("ACGT"[context // 4 ** (order - 1 - place) % 4] for place in range(order))
        followers = Counter(
            text[at + order] for text in texts for at in range(60 - order) if text[at : at + order] == letters
        )
        total = sum(followers.values())
        assert row.sum() == pytest.approx(1.0)
        if total:
            assert row == pytest.approx([followers[base] / total for base in "ACGT"])
    made = model.sample(4000, 60, torch.Generator().manual_seed(0))
    assert made.shape == (4000, 60) and made.max() <= 3
    assert np.abs(Markov(made, order).next - model.next)[model.contexts > 0.01].max() < 0.03


def test_models_of_higher_order_than_letters_are_cut_and_unknown_data_are_refused() -> None:
    assert Markov(random_codes(50, 20), 5).sample(7, 3, torch.Generator()).shape == (7, 3)
    with pytest.raises(DataError, match="order 2"):
        Markov(np.full((3, 10), ANY, np.uint8), 2)


def test_the_same_generator_draws_the_same_sequences() -> None:
    model = Markov(random_codes(50, 20), 3)
    one, other = (model.sample(5, 20, torch.Generator().manual_seed(4)) for _ in range(2))
    assert (one == other).all()


def test_the_floors_of_the_e_coli_genome(test_data: Path) -> None:
    """5,000 windows of 50 against 5,000: what the project's plan states, within the spread of drawing them."""
    with gzip.open(test_data / "dna" / "ecoli536_NC_008253.fna.gz", "rt") as file:
        codes = encode(file.read().partition("\n")[2].replace("\n", ""))
    windows = codes[: len(codes) // 50 * 50].reshape(-1, 50)
    assert windows.shape == (98_778, 50)
    windows = windows[np.random.default_rng(0).permutation(len(windows))]
    held_out, training, rng = kmer_counts(windows[:5000], 5), windows[5000:], torch.Generator().manual_seed(0)

    def floor(codes: np.ndarray) -> float:
        return divergence(kmer_counts(codes[:5000], 5), held_out)

    assert floor(training) == pytest.approx(0.0016, rel=0.1)
    for order, stated in ((0, 0.0404), (1, 0.0226), (3, 0.0036)):
        assert floor(Markov(training, order).sample(5000, 50, rng)) == pytest.approx(stated, rel=0.1)
    assert floor(random_codes(5000, 50)) == pytest.approx(0.0416, rel=0.1)


def test_floors_in_a_note_can_be_read_again() -> None:
    found = {"generated": 0.5, "real": 0.1, "iid": 0.0404, "Markov-1": 1.5e-06, "Markov-5": 0.0}
    assert floors_note(found) == "real v. real; iid 0.0404, Markov-1 1.5e-06, Markov-5 0"
