"""Splits that do not leak: by sample with equal ones on one side, or whole groups (donor, plate, compound) together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gantk.errors import DataError
from gantk.messages import did_you_mean
from gantk_expression.matrix import Values

TRAIN, VALIDATION, TEST = 0, 1, 2
"""The sides, in the order of `gantk.interfaces.SPLITS`."""

LEFT_OUT = 3
"""The side of a sample that another one equals on another side."""


def contents_of(values: Values) -> list[bytes]:
    """What makes a sample the same as another: a digest of its numbers, (N,).

    Args:
        values: (N, G); of a sparse matrix the order in which entries stand does not matter.
    """
    if not sparse.issparse(values):
        rows = np.ascontiguousarray(values) + np.float32(0)  # -0 is 0
        return [blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
    ordered = values.sorted_indices()
    ordered.eliminate_zeros()
    found = []
    for start, end in zip(ordered.indptr[:-1], ordered.indptr[1:], strict=True):
        digest = blake2b(ordered.indices[start:end].astype(np.int64).tobytes(), digest_size=16)
        digest.update(ordered.data[start:end].tobytes())
        found.append(digest.digest())
    return found


def first_of_each(keys: Sequence[Hashable]) -> NDArray[np.int64]:
    """For each key the number of the first one that equals it, (N,)."""
    seen: dict[Hashable, int] = {}
    return np.fromiter((seen.setdefault(key, at) for at, key in enumerate(keys)), np.int64, len(keys))


def _draw(key: bytes, seed: int) -> float:
    """A number in [0, 1) that depends on the key and the seed alone."""
    return int.from_bytes(blake2b(key, digest_size=8, key=str(seed).encode()).digest(), "big") / 2**64


def sides_by_sample(
    contents: Sequence[bytes], strata: Sequence[Hashable], shares: tuple[float, float], seed: int
) -> NDArray[np.int64]:
    """The side of each sample, (N,), every class in its share; equal samples have equal sides.

    Args:
        contents: what makes a sample what it is.
        strata: the class of each, so that rare ones are on every side; all the same where there are none.
        shares: of validation and test. A class of three or more has at least one sample on each side that has a share.
        seed: another seed is another split.
    """
    first = first_of_each(contents)
    sides = np.full(len(contents), TRAIN, np.int64)
    groups: dict[Hashable, list[int]] = {}
    for at in np.unique(first).tolist():
        groups.setdefault(strata[at], []).append(at)
    for members in groups.values():
        members.sort(key=lambda at: _draw(contents[at], seed))
        numbers = [round(share * len(members)) for share in (shares[1], shares[0])]
        if len(members) >= 3:
            numbers = [max(number, share > 0) for number, share in zip(numbers, (shares[1], shares[0]), strict=True)]
        sides[members[: numbers[0]]] = TEST
        sides[members[numbers[0] : sum(numbers)]] = VALIDATION
    return sides[first]


Chosen = int | Sequence[str] | None
"""Groups of a side: so many, drawn by seed; or these, by name; None: by the side's share of the samples."""


def sides_by_group(
    groups: Sequence[str],
    shares: tuple[float, float],
    seed: int,
    column: str,
    *,
    test: Chosen = None,
    validation: Chosen = None,
    train: Sequence[str] = (),
) -> NDArray[np.int64]:
    """The side of each sample, (N,), whole groups together.

    Groups are gone through in an order drawn by seed; each goes to the test split while it lacks groups or samples,
    then to the validation split, else to training.

    Args:
        groups: the group of each sample.
        shares: of validation and test, in samples.
        seed: another seed is another split.
        column: what holds the groups, for messages.
        test: groups of the test split.
        validation: groups of the validation split.
        train: groups that are always trained on.

    Raises:
        DataError: there is no such group, one is asked for twice, or there are too few.
    """
    names = sorted(set(groups))
    side = dict.fromkeys(names, TRAIN)
    fixed: dict[str, int] = {}
    for number, chosen in ((TRAIN, train), (TEST, test), (VALIDATION, validation)):
        for name in () if chosen is None or isinstance(chosen, int) else chosen:
            if name not in side:
                hint = did_you_mean(name, names, f"there are {', '.join(names[:20])}")
                raise DataError(f"no sample has '{name}' in '{column}': {hint}")
            if name in fixed:
                raise DataError(f"'{name}' is asked for on two sides of the split by '{column}': name it once")
            fixed[name] = number
    side.update(fixed)
    free = sorted(set(names) - set(fixed), key=lambda name: _draw(name.encode(), seed))
    sizes = dict.fromkeys(names, 0)
    for name in groups:
        sizes[name] += 1
    for number, chosen, share in ((TEST, test, shares[1]), (VALIDATION, validation, shares[0])):
        if isinstance(chosen, int):
            taken = free[:chosen]
            if len(taken) < chosen or len(free) <= chosen:
                raise DataError(
                    f"the split by '{column}' asks for {chosen} groups of {len(free)} that are free; some must be left "
                    "for training"
                )
        elif chosen is not None or not share:
            continue
        else:
            taken, wanted, got = [], share * len(groups), 0
            for name in free:
                if got + sizes[name] <= wanted * 1.25 and got < wanted:
                    taken.append(name)
                    got += sizes[name]
            taken = taken or [min(free, key=lambda name: sizes[name])] if free else []
            if len(free) <= len(taken) or not taken:
                raise DataError(
                    f"a split by '{column}' needs a group or more for each side, and there are only {len(names)}: "
                    "leave data.split_by out, or hold nothing out: data.validation=0 data.test=0"
                )
        side.update(dict.fromkeys(taken, number))
        free = [name for name in free if name not in taken]
    return np.array([side[name] for name in groups], np.int64)


def without_leaks(sides: NDArray[np.int64], contents: Sequence[bytes]) -> NDArray[np.int64]:
    """The sides with `LEFT_OUT` for each sample that equals an earlier one on another side."""
    first = first_of_each(contents)
    return np.where(sides == sides[first], sides, LEFT_OUT)


_GIVEN = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing", "held_out"), TEST),
}


def given_sides(entries: Sequence[str]) -> NDArray[np.int64] | None:
    """The sides that a column itself says ("train", "val", "test", …), (N,); None where it says something else."""
    found = [_GIVEN.get(entry.lower()) for entry in entries]
    return None if None in found or len(set(found)) < 2 else np.array(found, np.int64)
