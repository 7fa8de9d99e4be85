"""The data set that needs no file: random sequences with a motif planted in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt, Interval, Le
from pydantic import StringConstraints

from gantk.errors import DataError
from gantk.interfaces import SPLITS
from gantk_dna.alphabet import BASES, DNA, INVALID, SHARES, encode, sequence_spec
from gantk_dna.data.onehot import OneHot
from gantk_dna.files.motif_files import choose_motifs
from gantk_dna.files.sequences import read_sequences
from gantk_dna.markov import Markov

Consensus = Annotated[str, StringConstraints(pattern=f"^[{DNA}]+$")]


class Planted(OneHot):
    """Random sequences, in each (or some) of which one site of a motif was planted, drawn from its matrix.

    Each split draws its own sequences. With `share` below 1, labels say which sequences have the motif.

    Args:
        split: "train", "validation" or "test".
        length: letters of a sequence.
        samples: sequences of the training split.
        held_out: sequences of the validation and of the test split, each.
        motif: the motif in IUPAC codes: R draws A or G, N any base. The default is an
            E-box, CACGTG, with ends that tell its strands apart.
        motif_file: a JASPAR, MEME or TRANSFAC file to take the motif from instead.
        motif_name: which of that file's motifs, by name or number; null: the first.
        share: share of the sequences in which a motif is planted.
        position: where it starts, from 0; null: anywhere, at random.
        both_strands: plants it on either strand, at random.
        background: FASTA file, or one sequence a line, whose letters the background follows; null: uniform.
        order: letters that a background letter depends on (order of the Markov chain); needs `background`.
        seed: of the sequences; the training seed does not change them.

    Raises:
        DataError: the motif does not fit, a file is missing or damaged.
    """

    @staticmethod
    def bytes_needed(*, length: int, samples: int, held_out: int, **_: Any) -> int:
        """Of memory, to make these data with these parameters."""
        return (samples + held_out) * length * 10

    def __init__(
        self,
        split: str,
        *,
        length: Annotated[int, Ge(1)] = 50,
        samples: Annotated[int, Ge(1)] = 20_000,
        held_out: Annotated[int, Ge(1)] = 2_000,
        motif: Consensus = "AGTCACGTGG",
        motif_file: Path | None = None,
        motif_name: str | None = None,
        share: Annotated[float, Gt(0), Le(1)] = 1.0,
        position: Annotated[int, Ge(0)] | None = None,
        both_strands: bool = False,
        background: Path | None = None,
        order: Annotated[int, Interval(ge=0, le=8)] = 3,
        seed: Annotated[int, Ge(0)] = 0,
    ):
        matrix, name = _matrix(motif, motif_file, motif_name)  # (4, W)
        width = matrix.shape[1]
        if (position or 0) + width > length:
            raise DataError(
                f"the motif {name} has {width} letters, which do not fit into {length}"
                + (f" from position {position} on" if position else "")
                + "; give data.length a larger number, or another motif"
            )
        number = samples if split == "train" else held_out
        rng = np.random.default_rng([seed, SPLITS.index(split)])
        codes = _background(background, order, number, length, rng)
        starts = rng.integers(0, length - width + 1, number) if position is None else np.full(number, position)
        planted = rng.random(number) < share
        turned = (rng.random(number) < 0.5) if both_strands else np.zeros(number, bool)
        sites = (rng.random((number, width, 1)) >= matrix.T.cumsum(1)[:, :-1]).sum(2).astype(np.uint8)  # (N, W)
        sites = np.where(turned[:, None], BASES - 1 - sites[:, ::-1], sites)
        rows = np.flatnonzero(planted)
        codes[rows[:, None], starts[rows, None] + np.arange(width)] = sites[rows]
        spec = sequence_spec(
            length,
            classes=() if share == 1 else ("without", "with"),
            origin="simulated",
            attributes={"motif": name, "consensus": "".join(DNA[base] for base in matrix.argmax(0))},
        )
        truth = {
            "start": torch.from_numpy(np.where(planted, starts, -1)),
            "reverse": torch.from_numpy(planted & turned),
            "score": torch.from_numpy(planted.astype(np.float32)),  # 1 with the motif, 0 without: to be predicted
        }
        labels = None if share == 1 else torch.from_numpy(planted.astype(np.int64))
        super().__init__(spec, torch.from_numpy(codes), labels=labels, truth=truth)


def _matrix(motif: str, file: Path | None, name: str | None) -> tuple[np.ndarray, str]:
    """Probability of each base at each position of the motif, (4, W), and what the motif is called."""
    if file is None:
        if name is not None:
            raise DataError("data.motif_name chooses from a file: give data.motif_file, or data.motif in IUPAC codes")
        return SHARES[encode(motif)].T.astype(np.float64), motif
    found = choose_motifs(file, None if name is None else [name])[0]
    return found.probabilities(pseudocount=0.0), found.name


def _background(file: Path | None, order: int, number: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Random letters, (number, length) uint8: uniform, or of a Markov chain fitted to a file's sequences."""
    if file is None:
        return rng.integers(0, BASES, (number, length), dtype=np.uint8)
    texts = [record.sequence for record in read_sequences(file)]
    codes = encode("N".join(texts))  # N keeps contexts from reaching over the end of a sequence
    if (codes == INVALID).any():
        at = int((codes == INVALID).argmax())
        raise DataError(f"{file}: {'N'.join(texts)[at]!r} is not a letter of DNA")
    chain = Markov(codes[None], order)
    return chain.sample(number, length, torch.Generator().manual_seed(int(rng.integers(2**62))))
