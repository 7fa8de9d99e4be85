"""Letters and numbers: nucleotides as codes 0 … 14, as one-hot columns, and as text.

Codes 0 … 3 are the bases A, C, G and T (or U), in this order everywhere. Codes 4 … 14 are the IUPAC codes for "one of
several bases" (R is A or G, N is any); as a column of a sample they are equal shares of the bases they allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from gantk.spec import DataSpec

AlphabetName = Literal["dna", "rna", "iupac"]

ALLOWED = {
    "A": "A",
    "C": "C",
    "G": "G",
    "T": "T",
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGT",
}
"""IUPAC code to the bases that it allows (Cornish-Bowden 1985), in the order of our codes."""

DNA = "".join(ALLOWED)  # ACGTRYSWKMBDHVN
RNA = DNA.replace("T", "U")
BASES = 4
PART = 1024  # sequences that are made one-hot at once
ANY = DNA.index("N")
INVALID = 255

SHARES = np.array([[(base in bases) / len(bases) for base in "ACGT"] for bases in ALLOWED.values()], np.float32)
"""(15, 4): of each code, the share of each base."""

_COMPLEMENTARY = {"A": "T", "C": "G", "G": "C", "T": "A"}
COMPLEMENT = np.array(
    [
        next(code for code, other in enumerate(ALLOWED.values()) if set(other) == {_COMPLEMENTARY[b] for b in bases})
        for bases in ALLOWED.values()
    ],
    np.uint8,
)
"""(15,): the code that stands opposite each code on the other strand."""


def bases_of(alphabet: AlphabetName) -> tuple[str, ...]:
    """The four letters of an alphabet, in the order of the channels."""
    return tuple((RNA if alphabet == "rna" else DNA)[:BASES])


@lru_cache(maxsize=3)
def _codes_of_bytes(alphabet: AlphabetName) -> np.ndarray:
    """(256,): the code of each byte, in upper and lower case; INVALID for what is not a letter of the alphabet."""
    table = np.full(256, INVALID, np.uint8)
    for letters in {"dna": [DNA], "rna": [RNA], "iupac": [DNA, RNA]}[alphabet]:
        for code, letter in enumerate(letters):
            table[[ord(letter), ord(letter.lower())]] = code
    return table


def encode(text: str, alphabet: AlphabetName = "dna") -> np.ndarray:
    """Codes of the letters of `text`, (L,) uint8; INVALID where there is no such letter.

    Args:
        text: nucleotides in upper or lower case.
        alphabet: "dna" knows T, "rna" knows U, "iupac" both, as the same base; all know the ambiguity codes.
    """
    return _codes_of_bytes(alphabet)[np.frombuffer(text.encode("ascii", "replace"), np.uint8)]


def decode(codes: np.ndarray | Tensor, bases: tuple[str, ...] = ("A", "C", "G", "T")) -> list[str]:
    """Text of each row of codes.

    Args:
        codes: (N, L), values 0 … 14.
        bases: the four letters of the alphabet.
    """
    letters = np.frombuffer((RNA if "U" in bases else DNA).encode(), np.uint8)
    array = codes.cpu().numpy() if isinstance(codes, Tensor) else np.asarray(codes)
    return [row.tobytes().decode() for row in letters[array]]


def bases_in(spec: DataSpec) -> tuple[str, ...]:
    """The four letters that a spec's channels stand for: A, C, G, T where it does not say."""
    return tuple(spec.names.get("base", ()))[:BASES] or bases_of("dna")


def hard_codes(samples: Tensor) -> Tensor:
    """The likeliest base at each position: (N, L) uint8 with values 0 … 3.

    Args:
        samples: (N, 4 + annotation channels, L).
    """
    return samples[:, :BASES].max(1).indices.to(torch.uint8)  # `argmax` says the same in nine times the time


def shared_codes(samples: Tensor) -> Tensor:
    """As `hard_codes`, but a column that is exactly the equal shares of an ambiguity code becomes that code.

    Args:
        samples: (N, 4 + annotation channels, L).
    """
    codes = hard_codes(samples)
    columns = samples[:, :BASES].movedim(1, 2)  # (N, L, 4)
    unsure = columns.amax(2) < 0.75
    if unsure.any():
        distance = (columns[unsure][:, None] - torch.from_numpy(SHARES).to(columns)).abs().amax(2)  # (U, 15)
        nearest = distance.argmin(1)
        exact = distance.gather(1, nearest[:, None])[:, 0] < 1e-6
        codes[unsure] = torch.where(exact, nearest.to(torch.uint8), codes[unsure])
    return codes


@lru_cache(maxsize=8)
def _shares_on(device: torch.device) -> Tensor:
    """`SHARES` on a device, copied there once."""
    return torch.from_numpy(SHARES).to(device)


def one_hot(codes: Tensor) -> Tensor:
    """(N, L) integer codes to (N, 4, L) floats; ambiguity codes become equal shares."""
    found = torch.empty((len(codes), BASES, codes.shape[1]), device=codes.device)
    for start in range(0, len(codes), PART):  # numbers of 4 bytes, and a second copy, only for some at a time
        part = slice(start, start + PART)
        found[part] = _shares_on(codes.device)[codes[part].int()].movedim(2, 1)
    return found


def reverse_complement(samples: Tensor) -> Tensor:
    """The other strand, read in its own direction: channels A, C, G, T swapped with T, G, C, A, positions turned over.

    Args:
        samples: (B, 4 + annotation channels, L); annotation channels are turned over with their positions.
    """
    turned = samples.flip(2)
    if samples.shape[1] == BASES:
        return turned.flip(1)
    return torch.cat([turned[:, :BASES].flip(1), turned[:, BASES:]], 1)


def sequence_spec(
    length: int,
    *,
    alphabet: AlphabetName = "dna",
    annotations: Sequence[str] = (),
    classes: Sequence[str] = (),
    origin: str = "real",
    attributes: Mapping[str, Any] | None = None,
) -> DataSpec:
    """What one sequence is: (4 + annotation channels, length) within [0, 1].

    Args:
        length: letters.
        alphabet: chooses T or U as the fourth base.
        annotations: names of channels behind the bases that mark positions by 1 (exon or not).
        classes: names of the labels.
        origin: "real" or "simulated".
        attributes: whatever else there is to say.
    """
    return DataSpec(
        shape=(BASES + len(annotations), length),
        axes=("base", "position"),
        range=(0.0, 1.0),
        categorical=True,
        names={"base": (*bases_of(alphabet), *annotations)},
        classes=tuple(classes),
        view="dna/logo",
        formats=("dna/fasta", "dna/table"),
        origin=origin,
        attributes={"annotation_channels": len(annotations), **(attributes or {})},
    )
