"""Landmark genes as the condition: which they are, how splits are kept, and how new files are matched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_expression.data.landmarks import Landmarks, landmark_columns, landmark_spec, landmarks_of
from gantk_expression.data.table import ExpressionTable
from gantk_expression.fitting import fit
from gantk_expression.matching import as_trained, matched
from gantk_expression.nets.ggan import GganGenerator
from gantk_expression.profiles import expression_spec
from gantk_expression.transforms import LibrarySize, Log1p, Standardise, transforms_of, undone

from gantk.errors import DataError, DoesNotFit
from gantk.interfaces import Samples
from tests.helpers.wells import GENES, VALUES, write_gct

RNG = np.random.default_rng(1)


def table(path: Path, split: str, **more: object) -> ExpressionTable:
    given: dict = {"transform": ["standardise"], "split_by": "compound", "test_groups": 2, "validation_groups": 1}
    return ExpressionTable(split, path=path, **{**given, "condition": Landmarks(landmarks=4), **more})


def profiles(genes: list[str], values: torch.Tensor, **more: object) -> Samples:
    return Samples(values, spec=expression_spec(genes, None, **more))  # type: ignore[arg-type]


def test_every_gene_is_a_landmark_or_a_target() -> None:
    landmarks, targets = landmark_columns(GENES, Landmarks(landmarks=4, seed=3))
    assert len(landmarks) == 4 and sorted([*landmarks.tolist(), *targets.tolist()]) == list(range(10))
    assert torch.equal(landmarks, landmark_columns(GENES, Landmarks(landmarks=4, seed=3))[0])
    assert any(
        landmark_columns(GENES, Landmarks(landmarks=4, seed=n))[0].tolist() != landmarks.tolist() for n in (0, 1)
    )
    named, _ = landmark_columns(GENES, Landmarks(landmarks=["gene7", "gene2"]))
    assert named.tolist() == [2, 7]


@pytest.mark.parametrize(
    ("landmarks", "told"),
    [
        (10, "10 of 10 genes leave none to predict"),
        (["gene1", "gen2"], "no gene 'gen2'; did you mean 'gene"),
        (["gene1", "gene1"], "has 'gene1' twice"),
    ],
)
def test_landmarks_that_cannot_be(landmarks: object, told: str) -> None:
    with pytest.raises(DataError, match=told):
        landmark_columns(GENES, Landmarks(landmarks=landmarks))  # type: ignore[arg-type]


def test_a_table_parted_holds_the_same_numbers(tmp_path: Path) -> None:
    """Condition and samples of each split, undone, are the columns of the file; compounds stay on one side."""
    path = write_gct(tmp_path / "wells.gct")
    rows: dict[str, int] = {f"well{number}": number for number in range(30)}
    seen: list[set[int]] = []
    for split, count in (("train", 15), ("validation", 5), ("test", 10)):
        data = table(path, split)
        assert len(data) == count
        batch = data.batch(torch.arange(count), None)
        numbers = [rows[name] for name in data.sample_names(torch.arange(count)) or ()]
        seen.append({number // 5 for number in numbers})
        spec = data.spec
        landmarks = [GENES.index(each["name"]) for each in spec.attributes["condition"]]
        targets = [GENES.index(name) for name in spec.names["gene"]]
        back, kind = undone(batch.samples, spec)
        assert kind == "log2"
        np.testing.assert_allclose(back, VALUES[numbers][:, targets], rtol=1e-4, atol=1e-4)
        whole = profiles(GENES, torch.from_numpy(VALUES[numbers]))
        torch.testing.assert_close(landmarks_of(whole, spec), batch.condition, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(
            batch.condition,  # standardised on the training wells
            (VALUES[numbers] - VALUES[train_rows(path)].mean(0))[:, landmarks]
            / VALUES[train_rows(path)].std(0)[landmarks],
            rtol=1e-3,
            atol=1e-3,
        )
        assert len(batch.truth["group"].unique()) == len(seen[-1])
    assert seen[0] | seen[1] | seen[2] == set(range(6)) and sum(map(len, seen)) == 6


def train_rows(path: Path) -> list[int]:
    data = table(path, "train")
    return [int(name[4:]) for name in data.sample_names(torch.arange(len(data))) or ()]


def test_one_condition_alone(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data.condition and data.covariates"):
        table(write_gct(tmp_path / "wells.gct"), "train", covariates=["compound"])


def test_a_generator_takes_landmarks_by_name(tmp_path: Path) -> None:
    spec = table(write_gct(tmp_path / "wells.gct"), "test").spec
    net = GganGenerator(spec, hidden=(4,))
    whole = net.condition_from(profiles(GENES, torch.from_numpy(VALUES)), {})
    order = [9, 3, 1, 0, 5, 7, 2, 4, 8, 6]
    shuffled = profiles(
        [GENES[at] for at in order] + ["other"], torch.from_numpy(np.c_[VALUES[:, order], VALUES[:, 0]])
    )
    assert torch.equal(net.condition_from(shuffled, {}), whole)
    needed = [each["name"] for each in spec.attributes["condition"]]
    left = [name for name in GENES if name != needed[1]]
    with pytest.raises(
        DoesNotFit, match=f"1 of the 4 genes that this model takes are missing: {needed[1]}; did you mean"
    ):
        net.condition_from(profiles(left, torch.ones(2, 9)), {})
    with pytest.raises(DoesNotFit, match=f"stand there more than once: {needed[2]}; leave one"):
        net.condition_from(profiles([*GENES, needed[2]], torch.ones(2, 11)), {})


def test_many_missing_genes_are_counted() -> None:
    with pytest.raises(DoesNotFit, match=r"7 of the 10 genes .* gene3, gene4, gene5, gene6, gene7, … \(7\)"):
        matched(GENES, GENES[:3])


def test_rows_are_scaled_with_all_genes_of_the_file() -> None:
    """Library size counts every gene of the file, before the genes of the model are taken."""
    counts = torch.from_numpy(RNG.poisson(20, (6, 10)).astype(np.float32))
    steps = (LibrarySize(before="counts", target=100.0), Log1p(before="normalised"))
    plain = (counts * 100 / counts.sum(1, keepdim=True))[:, [8, 1]].log1p()
    torch.testing.assert_close(as_trained(profiles(GENES, counts), ["gene8", "gene1"], steps), plain)


def test_numbers_of_another_kind_are_refused() -> None:
    steps = (Log1p(before="counts"),)
    with pytest.raises(DoesNotFit, match="trained on numbers that are counts, and those here are centred"):
        as_trained(profiles(GENES, torch.randn(5, 10)), GENES, steps)
    missing = torch.ones(5, 10)
    missing[2, 3] = float("nan")
    with pytest.raises(DoesNotFit, match="1 profiles have missing values"):
        as_trained(profiles(GENES, missing), GENES, ())


def test_numbers_that_carry_their_steps_are_undone_first() -> None:
    """Samples that were standardised by other data come to the same as their own numbers do."""
    own = fit(["standardise"], VALUES, np.arange(30), "log2")
    carried = profiles(GENES, torch.from_numpy(np.asarray(own.values)), steps=own.steps)
    carried.spec.attributes["numbers"] = "scaled"  # type: ignore[index]
    steps = (Standardise(before="log2", mean=torch.full((10,), 3.0), sd=torch.full((10,), 2.0)),)
    torch.testing.assert_close(
        as_trained(carried, GENES, steps), (torch.from_numpy(VALUES) - 3) / 2, rtol=1e-4, atol=1e-4
    )


def test_the_spec_survives_a_file() -> None:
    steps = fit(["standardise"], VALUES, np.arange(30), "log2").steps
    spec = expression_spec(GENES, "scaled", steps=steps)
    parted = landmark_spec(spec, *landmark_columns(GENES, Landmarks(landmarks=3)))
    again = type(parted).from_json(parted.to_json())
    assert again.to_json() == parted.to_json()
    assert [each.mean.shape for each in transforms_of(again)] == [(7,)]  # type: ignore[attr-defined]
