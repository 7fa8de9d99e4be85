"""What designs are compared with: every known sequence, and on either strand where both count."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gantk_dna.alphabet import COMPLEMENT, decode, sequence_spec
from gantk_dna.data.onehot import OneHot
from gantk_dna.design.known import known_sequences
from torch import from_numpy

from gantk.cli import run_command_line


def data(codes: np.ndarray, both_strands: bool = False) -> OneHot:
    return OneHot(sequence_spec(codes.shape[1]), from_numpy(codes), both_strands=both_strands)


def random_codes(n: int, seed: int, length: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, (n, length), dtype=np.uint8)


def test_known_sequences_are_those_of_all_data_sets_once_each() -> None:
    train, test = random_codes(20, 0), random_codes(10, 1)
    known = known_sequences({"train": data(train), "test": data(np.concatenate([test, train[:5]]))})
    assert len(known.codes) == 30 and known.total == 35
    distances, names = known.nearest(np.concatenate([test[3:4], train[2:3]]))
    assert distances.tolist() == [0, 0] and names == ["test_3", "train_2"]


@pytest.mark.parametrize("both_strands", [False, True])
def test_the_other_strand_is_known_where_both_count(both_strands: bool) -> None:
    train = random_codes(20, 0)
    turned = COMPLEMENT[train[:, ::-1]]
    known = known_sequences({"train": data(train, both_strands), "test": data(turned[:5], both_strands)})
    assert len(known.codes) == (20 if both_strands else 25)
    distances, _ = known.nearest(turned[5:])
    assert (distances == 0).all() == both_strands


def test_above_all_known_counts_every_split_and_the_held_out_data(tmp_path: Path, monkeypatch, capsys) -> None:
    """A design recipe that sees the lower 60 % of scores: what the other 40 % reach is known all the same."""
    monkeypatch.chdir(tmp_path)
    texts = decode(random_codes(400, 0))
    Path("known.csv").write_text("sequence,score\n" + "".join(f"{each},{each.count('G')}\n" for each in texts))
    Path("design.yaml").write_text(
        "data: {use: dna/sequences, path: known.csv, score: score, percentiles: [0, 60]}\n"
        "held_out_data: {use: dna/sequences, path: known.csv, score: score, seed: 2}\n"
        "objectives: [{use: dna/predicted, net: {use: dna/predictor, width: 8, kernel: 3, hidden: 8}, steps: 60}]\n"
        "search: {method: activation, designs: 5, candidates: 8, steps: 2}\n"
    )
    assert run_command_line(["design", "design.yaml", "-o", "made.csv", "--json", "-q"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["best_measured"] == max(text.count("G") for text in texts)
    assert document["known"] == len(set(texts))
    best = document["sets"]["known, best"]
    assert best["above_all_known"] == 0 and best["distance"] == 0
    assert document["best_known"] >= best["second"]
