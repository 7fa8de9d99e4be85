"""The metric against plain Python, and against collapses that it must give away."""

from __future__ import annotations

import pytest
import torch
from gantk_motif.data import MotifStrings
from gantk_motif.metrics import MotifRate, bit_entropy, entropy, mean_pairwise_distance, nearest_distance

from gantk.data import generated, take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput

MOTIF = "1100110011001100"


def compute(strings: torch.Tensor, samples: int = 1000, **data: object) -> dict:
    """All numbers for strings (N, L) against data of the same length."""
    data = {"length": strings.shape[1], "samples": 300, "held_out": 300, **data}
    train, test = MotifStrings("train", **data), MotifStrings("test", **data)
    made = generated(strings[:, None].float(), train.spec)
    return MotifRate(samples=samples).compute(
        MetricInput(made, train, test, rng=torch.Generator().manual_seed(0), nets={})
    )


def coins(n: int, length: int, seed: int = 5) -> torch.Tensor:
    return torch.randint(0, 2, (n, length), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def test_pairwise_and_nearest_distance_equal_a_plain_loop() -> None:
    strings, train = coins(12, 20), coins(30, 20, seed=6)

    def distance(one: torch.Tensor, other: torch.Tensor) -> int:
        return sum(a != b for a, b in zip(one.tolist(), other.tolist(), strict=True))

    pairs = [distance(strings[i], strings[j]) for i in range(12) for j in range(12) if i != j]
    assert mean_pairwise_distance(strings) == pytest.approx(sum(pairs) / len(pairs))
    expected = [min(distance(string, known) for known in train) for string in strings]
    assert nearest_distance(strings, train, chunk=7).tolist() == expected


def test_entropies_have_their_known_values() -> None:
    assert entropy(torch.tensor([5, 5, 5, 5, 0])) == pytest.approx(2.0)
    assert entropy(torch.tensor([7, 0])) == 0.0 == entropy(torch.zeros(4))
    strings = torch.tensor([[0, 1, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]])
    outside = torch.tensor([[1, 1, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0]]).bool()  # the last place is never outside
    assert bit_entropy(strings, outside) == pytest.approx(0.5)  # a fair coin and a constant


def test_real_strings_score_as_their_reference() -> None:
    real = take(MotifStrings("test", samples=1, held_out=300), 300)
    values = compute(real.samples[:, 0].to(torch.uint8))
    assert values["hits"].value == 300
    for name, found in values.items():
        if found.reference is not None and name != "random_hits":
            assert found.value == pytest.approx(found.reference), name
    assert values["nearest_training_min"].value > 10


def test_counts_equal_plain_python() -> None:
    strings = coins(400, 40)
    values = compute(strings, motif="1100")
    texts = ["".join(map(str, row)) for row in strings.tolist()]
    assert values["hits"].value == sum("1100" in text for text in texts)
    assert values["distinct"].value == len(set(texts))
    starts = {start for text in texts for start in range(37) if text[start:].startswith("1100")}
    assert values["positions"].value == len(starts)


def test_collapse_is_seen_beside_a_perfect_count() -> None:
    one = take(MotifStrings("train", samples=1), 1).samples[0].to(torch.uint8)
    values = compute(one.repeat(200, 1))
    assert values["hits"].value == 200
    assert values["distinct"].value == 1
    assert values["positions"].value <= 3
    assert values["bit_entropy"].value == values["pairwise_distance"].value == values["position_entropy"].value == 0


def test_only_as_many_samples_as_asked_for_and_soft_values_are_cut_at_the_middle() -> None:
    strings = take(MotifStrings("train", samples=30), 30).samples[:, 0]
    soft = 0.5 + (strings - 0.5) * 0.1  # .45 and .55
    values = compute(soft, samples=10)
    assert (values["strings"].value, values["hits"].value) == (10, 10)


def test_summary_is_the_line_of_the_course() -> None:
    line = MotifRate().summary(compute(take(MotifStrings("train"), 1000).samples[:, 0]))
    assert line.startswith("motif count in generated sequences 1000/1000, in random sequences ")
    assert line.endswith("/1000 (expected 1.62)")


def test_data_without_a_motif_are_refused_with_the_cure() -> None:
    data = MotifStrings("train", samples=10)
    data.spec = type(data.spec)(shape=(1, 128), axes=("channel", "position"))
    with pytest.raises(DoesNotFit, match="motif: '1100110011001100'"):
        MotifRate().compute(MetricInput(take(data, 10), data, data, rng=torch.Generator(), nets={}))
