"""Splits: equal samples on one side, every class on every side, groups whole, seeded."""

from __future__ import annotations

import numpy as np
import pytest
from gantk_expression.data import splits
from scipy import sparse

from gantk.errors import DataError

VALUES = np.random.default_rng(0).poisson(3, (200, 6)).astype(np.float32)
VALUES[50:100] = VALUES[:50]  # every one of these twice
CONTENTS = splits.contents_of(VALUES)
GROUPS = [f"donor{i % 10}" for i in range(200)]


def test_contents_do_not_depend_on_how_numbers_are_stored() -> None:
    matrix = sparse.csr_matrix(VALUES)
    shuffled = matrix.copy()
    for row in range(len(VALUES)):
        part = slice(*shuffled.indptr[row : row + 2])
        shuffled.indices[part], shuffled.data[part] = matrix.indices[part][::-1], matrix.data[part][::-1]
    shuffled.has_sorted_indices = False
    assert splits.contents_of(matrix) == splits.contents_of(shuffled)
    equal = splits.first_of_each(CONTENTS)
    assert np.array_equal(equal, splits.first_of_each(splits.contents_of(matrix))) and (equal[50:100] < 50).all()


def test_equal_samples_stand_on_one_side_and_the_seed_decides() -> None:
    sides = splits.sides_by_sample(CONTENTS, [0] * 200, (0.1, 0.2), 0)
    assert np.array_equal(sides[:50], sides[50:100])
    assert np.array_equal(sides, splits.sides_by_sample(CONTENTS, [0] * 200, (0.1, 0.2), 0))
    assert not np.array_equal(sides, splits.sides_by_sample(CONTENTS, [0] * 200, (0.1, 0.2), 1))
    single = np.bincount(sides[splits.first_of_each(CONTENTS) == np.arange(200)], minlength=3)
    assert single.tolist() == pytest.approx([0.7 * single.sum(), 0.1 * single.sum(), 0.2 * single.sum()], abs=1)


def test_rare_classes_are_on_every_side() -> None:
    strata = ["rare"] * 3 + ["usual"] * 147
    sides = splits.sides_by_sample(
        splits.contents_of(np.arange(150.0, dtype=np.float32)[:, None]), strata, (0.1, 0.1), 0
    )
    assert sorted(sides[:3]) == [0, 1, 2] and np.bincount(sides[3:]).tolist() == [117, 15, 15]


def test_groups_stay_together_and_may_be_named_or_counted() -> None:
    def of(sides: np.ndarray, side: int) -> set[str]:
        return {group for group, at in zip(GROUPS, sides.tolist(), strict=True) if at == side}

    by_share = splits.sides_by_group(GROUPS, (0.1, 0.2), 0, "donor")
    assert [len(of(by_share, side)) for side in (0, 1, 2)] == [7, 1, 2]
    assert not of(by_share, 0) & of(by_share, 1) and not of(by_share, 0) & of(by_share, 2)
    named = splits.sides_by_group(GROUPS, (0.1, 0.2), 0, "donor", test=["donor3"], validation=2, train=["donor0"])
    assert of(named, 2) == {"donor3"} and len(of(named, 1)) == 2 and "donor0" in of(named, 0)
    with pytest.raises(DataError, match="no sample has 'donor33' in 'donor': did you mean 'donor3'"):
        splits.sides_by_group(GROUPS, (0.1, 0.2), 0, "donor", test=["donor33"])
    with pytest.raises(DataError, match="on two sides"):
        splits.sides_by_group(GROUPS, (0.1, 0.2), 0, "donor", test=["donor3"], train=["donor3"])
    with pytest.raises(DataError, match="there are only 2"):
        splits.sides_by_group(["a"] * 9 + ["b"], (0.1, 0.2), 0, "donor")
    with pytest.raises(DataError, match="asks for 10 groups of 10"):
        splits.sides_by_group(GROUPS, (0.1, 0.2), 0, "donor", test=10)


def test_a_sample_that_another_side_has_is_left_out() -> None:
    sides = np.array([0, 2, 2, 1])
    assert splits.without_leaks(sides, [b"a", b"a", b"b", b"c"]).tolist() == [0, splits.LEFT_OUT, 2, 1]


def test_a_column_may_say_the_sides() -> None:
    found = splits.given_sides(["train", "Validation", "test", "dev"])
    assert found is not None and found.tolist() == [0, 1, 2, 1]
    assert splits.given_sides(["A", "B"]) is None and splits.given_sides(["test", "test"]) is None
