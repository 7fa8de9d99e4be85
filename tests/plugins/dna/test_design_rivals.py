"""Rivals of designs: mutants are all there are, rivals start from what data say is best, the claim has an interval."""

from __future__ import annotations

import json
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import decode, encode, sequence_spec
from gantk_dna.codes import codes_in
from gantk_dna.data.onehot import OneHot
from gantk_dna.data.sequences import Sequences
from gantk_dna.design.constraints import Constraints, Rules
from gantk_dna.design.known import known_sequences
from gantk_dna.design.results import mean_interval
from gantk_dna.design.rivals import Rivals, mutants_of

from gantk.cli import run_command_line
from gantk.errors import DataError

EVERY = np.ones((4, 6), bool)


def texts_of(codes: np.ndarray) -> set[str]:
    return set(decode(codes))


def changed(parent: str, letters: int) -> set[str]:
    """Every sequence that differs from one in so many letters, in plain Python."""
    found = set()
    for places in combinations(range(len(parent)), letters):
        for bases in product("ACGT", repeat=letters):
            text = list(parent)
            for place, base in zip(places, bases, strict=True):
                text[place] = base
            if sum(a != b for a, b in zip(text, parent, strict=True)) == letters:
                found.add("".join(text))
    return found


@pytest.mark.parametrize("letters", [1, 2])
def test_mutants_are_all_there_are(letters: int) -> None:
    found = mutants_of(encode("ACGTTA"), EVERY, letters, 10_000, np.random.default_rng(0))
    assert texts_of(found) == changed("ACGTTA", letters) and len(found) == len(changed("ACGTTA", letters))


def test_of_too_many_mutants_some_are_drawn_and_fixed_letters_stay() -> None:
    allowed = EVERY.copy()
    allowed[:, 0] = [True, False, False, False]
    found = mutants_of(encode("ACGTTA"), allowed, 2, 20, np.random.default_rng(0))
    assert 10 <= len(found) <= 20 and len(texts_of(found)) == len(found)
    assert texts_of(found) <= {text for text in changed("ACGTTA", 2) if text[0] == "A"}
    none = mutants_of(encode("A"), allowed[:, :1], 1, 20, np.random.default_rng(0))
    assert none.shape == (0, 1)


@pytest.mark.parametrize("stated", [True, False])
def test_rivals_start_from_the_best_known_by_what_the_data_state(stated: bool) -> None:
    codes = np.stack([encode(text) for text in ("AAAAAA", "CCCCCC", "GGGGGG", "CACACA")])
    data = OneHot(sequence_spec(6), torch.from_numpy(codes))
    known = known_sequences({"train": data})
    measured = np.array([1.0, 9.0, -np.inf, 2.0]) if stated else None
    score = lambda samples: samples[:, 0].sum(1)  # noqa: E731  # counts A
    rules = Rules(Constraints(), 6)
    rivals = Rivals(score, rules, known, codes[[3]], measured, designs=2, channels=4)
    best = decode(rivals.best_known)[0]
    assert best == ("CCCCCC" if stated else "AAAAAA")
    already = rivals.already_known()
    assert decode(already["known, best"])[0] == "AAAAAA" and ("known, best scores" in already) == stated
    made = rivals.made(40, 2, np.random.default_rng(0))
    for name, letters in (("single mutants", 1), ("double mutants", 2)):
        assert texts_of(made[name]) <= changed(best, letters) and len(made[name]) == 2
        most = max(text.count("A") for text in changed(best, letters))
        assert {text.count("A") for text in decode(made[name])} == {most} or letters == 2  # of doubles some are drawn
    apart = (made["hill climb, from known"] != rivals.best_known).sum(1)
    assert (apart <= 2).all()


def test_stated_scores_belong_to_their_sequences_on_either_strand() -> None:
    codes = np.stack([encode(text) for text in ("AAAC", "GGTC", "GTTT")])  # the last is the first one's other strand
    truth = {"score": torch.tensor([3.0, 1.0, 3.0])}
    scored = OneHot(sequence_spec(4), torch.from_numpy(codes), truth=truth, both_strands=True)
    plain = OneHot(sequence_spec(4), torch.from_numpy(encode("CCCC")[None]), both_strands=True)
    known = known_sequences({"train": scored, "test": plain})
    assert dict(zip(decode(known.codes), known.stated, strict=True)) == {
        "AAAC": 3.0,
        "GGTC": 1.0,
        "CCCC": pytest.approx(np.nan, nan_ok=True),
    }


def test_intervals_cover_the_mean_and_the_difference_19_times_of_20() -> None:
    rng, inside, apart = np.random.default_rng(0), 0, 0
    for _ in range(400):
        one, other = rng.normal(1, 2, 12), rng.normal(0, 1, 12)
        low, high = mean_interval(one) or (0, 0)
        inside += low <= 1 <= high
        low, high = mean_interval(one, other) or (0, 0)
        apart += low <= 1 <= high
    assert 0.92 < inside / 400 < 0.98 and 0.92 < apart / 400 < 0.99
    assert mean_interval(np.ones(1)) is None and mean_interval(np.ones(3)) == (1, 1)


def test_a_design_says_whether_it_is_better_than_the_training_data(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    codes = np.random.default_rng(0).integers(0, 4, (400, 20), dtype=np.uint8)
    lines = [f"{text},{text.count('G')},{'yes' if number % 5 else 'no'}" for number, text in enumerate(decode(codes))]
    Path("known.csv").write_text("sequence,score,sure\n" + "\n".join(lines) + "\n")
    Path("design.yaml").write_text(
        "data: {use: dna/sequences, path: known.csv, score: score, percentiles: [0, 60], leave_out: [sure=no]}\n"
        "held_out_data: {use: dna/sequences, path: known.csv, score: score, seed: 2, leave_out: [sure=no]}\n"
        "objectives: [{use: dna/predicted, net: {use: dna/predictor, width: 8, kernel: 3, hidden: 8}, steps: 60}]\n"
        "search: {method: activation, designs: 5, candidates: 8, steps: 2}\n"
    )
    assert run_command_line(["design", "design.yaml", "-o", "made.csv"]) == 0
    printed = capsys.readouterr()
    told = " ".join((printed.out + printed.err).split())
    assert "better than the training data? by the second predictor" in told and "root mean square" in told
    assert "80 left out: sure=no" in told
    document = json.loads(Path("runs/design-1/search-1/table.json").read_text())
    sets = document["sets"]
    low, high = sets["designs"]["second_interval"]
    assert low < sets["designs"]["second"] < high
    assert {"known, best scores", "single mutants", "double mutants", "hill climb, from known"} <= set(sets)
    rival = document["strongest_rival"]
    near = [name for name in sets if sets[name]["distance"] <= sets["designs"]["distance"] + 1 and name != "designs"]
    assert rival == max(near, key=lambda name: sets[name]["second"])
    best = max(text.count("G") for number, text in enumerate(decode(codes)) if number % 5)
    assert document["best_measured"] == best and document["error"] > 0
    share, least, most = sets["known, best"]["above_training"]
    assert least <= share <= most


# Rows that are left out


def table(tmp_path: Path, entries: str = "yes no maybe yes no") -> Path:
    path = tmp_path / "known.csv"
    rows = (
        f"{text},{entry}\n"
        for text, entry in zip(["AAAC", "CCCA", "GGGT", "TTGA", "ACGT"], entries.split(), strict=True)
    )
    path.write_text("sequence,sure\n" + "".join(rows))
    return path


def test_rows_are_left_out_by_their_entry_and_said(tmp_path: Path, capsys) -> None:
    data = Sequences("train", path=table(tmp_path), leave_out=["sure=no", "sure=maybe"], validation=0, test=0)
    assert texts_of(codes_in(data)) == {"AAAC", "TTGA"}
    told = " ".join(capsys.readouterr().err.split())
    assert "removed: 2 left out: sure=no, 1 left out: sure=maybe; left: 2" in told


@pytest.mark.parametrize(
    ("leave_out", "told"),
    [
        (["sure"], "'sure' is not COLUMN=ENTRY"),
        (["=no"], "is not COLUMN=ENTRY"),
        (["sure=nope"], "'sure' is nowhere 'nope'; there are maybe, no, yes"),
        (["sure=no", "sure=yes", "sure=maybe"], "leaves no sequence"),
        (["shure=no"], "shure"),
    ],
)
def test_what_cannot_be_left_out_is_refused(tmp_path: Path, leave_out: list[str], told: str) -> None:
    with pytest.raises(DataError, match=told):
        Sequences("train", path=table(tmp_path), leave_out=leave_out)


def test_a_file_without_columns_has_none_to_leave_out(tmp_path: Path) -> None:
    (tmp_path / "some.fa").write_text(">a\nACGT\n")
    with pytest.raises(DataError, match="has no columns to find label"):
        Sequences("train", path=tmp_path / "some.fa", leave_out=["label=x"])
