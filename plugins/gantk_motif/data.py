"""The data set: uniformly random 0/1 strings, each with the motif planted at a uniformly random place."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from pydantic import StringConstraints

from gantk.data import Resident
from gantk.errors import DataError
from gantk.interfaces import SPLITS
from gantk.spec import DataSpec

Motif = Annotated[str, StringConstraints(pattern="^[01]+$")]


class MotifStrings(Resident):
    """0/1 strings that hide a motif. One sample is (1, length) with values 0 and 1.

    Args:
        split: "train", "validation" or "test"; each has random strings of its own.
        length: letters of one string.
        samples: how many strings the training split has.
        held_out: how many strings each of the validation and the test split has.
        motif: the pattern to plant, written as 0s and 1s.
        seed: of the strings; the training seed does not change them.

    Raises:
        DataError: the motif is longer than the strings.
    """

    @staticmethod
    def bytes_needed(*, length: int, samples: int, held_out: int, motif: str, **_: Any) -> int:
        """Of memory, to make these data with these parameters."""
        return (samples + held_out) * (length + 16 * len(motif))

    def __init__(
        self,
        split: str,
        *,
        length: Annotated[int, Ge(1)] = 128,
        samples: Annotated[int, Ge(1)] = 50_000,
        held_out: Annotated[int, Ge(1)] = 2_000,
        motif: Motif = "1100110011001100",
        seed: Annotated[int, Ge(0)] = 0,
    ):
        if len(motif) > length:
            raise DataError(
                f"the motif {motif} has {len(motif)} letters, but the strings only {length}; "
                f"set length to {len(motif)} or more, or give a shorter motif"
            )
        rng = np.random.default_rng([seed, SPLITS.index(split)])
        n = samples if split == "train" else held_out
        strings = rng.integers(0, 2, (n, length), dtype=np.uint8)
        starts = rng.integers(0, length - len(motif) + 1, n)
        places = starts[:, None] + np.arange(len(motif))  # (n, M)
        np.put_along_axis(strings, places, np.array([int(letter) for letter in motif], np.uint8)[None], axis=1)
        spec = DataSpec(
            shape=(1, length),
            axes=("channel", "position"),
            range=(0.0, 1.0),
            view="motif/strings",
            formats=("basics/hdf5", "motif/text", "basics/table"),
            origin="simulated",
            attributes={"motif": motif},
        )
        super().__init__(spec, torch.from_numpy(strings)[:, None], truth={"start": torch.from_numpy(starts)}, top=1)
