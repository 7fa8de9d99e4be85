"""Files of generated sequences: FASTA and tables, with what is known of each sequence; and back to samples."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gantk.errors import DataError, DoesNotFit, FileError
from gantk.interfaces import Samples
from gantk_dna.alphabet import (
    BASES,
    INVALID,
    AlphabetName,
    bases_in,
    decode,
    encode,
    one_hot,
    sequence_spec,
    shared_codes,
)
from gantk_dna.files.sequences import Record, read_sequences
from gantk_dna.files.tables import read_table

WRAP = 80  # letters a line of FASTA
COMPRESSED: Mapping[str, Callable[[bytes], bytes]] = {
    ".gz": partial(gzip.compress, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
"""What compresses the content of a file, by the ending behind that of its format."""
_NOTE = re.compile(r'(?<!\w)(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


@dataclass(frozen=True)
class Written:
    """One sequence and what is known of it, as text.

    Args:
        name: "sample_0", …
        sequence: its letters.
        notes: anything else, by name; values are JSON.
        annotation: strings of 0 and 1 by the name of the channel.
    """

    name: str
    sequence: str
    notes: Mapping[str, Any]
    annotation: Mapping[str, str]


def written(samples: Samples) -> Iterator[Written]:
    """Each of the samples as text. Attributes that are lists of one entry a sample say something of each.

    Raises:
        DoesNotFit: they are no sequences.
    """
    spec, n = samples.spec, len(samples)
    if spec.unit_axes or len(spec.shape) != 2 or spec.shape[0] < BASES or not spec.categorical:
        raise DoesNotFit(f"sequences are written from (base, position) samples, not from {spec.axes} {spec.shape}")
    texts = decode(shared_codes(samples.samples), bases_in(spec)) if n else []
    marks = (samples.samples[:, BASES:] > 0.5).to(torch.uint8).cpu().numpy() + ord("0")  # (N, A, L)
    names = spec.names.get(spec.axes[0], ())[BASES:] or [f"annotation_{at}" for at in range(marks.shape[1])]
    each: dict[str, Sequence[Any]] = {}
    if samples.labels is not None:
        each["label"] = [spec.classes[at] if spec.classes else at for at in samples.labels.tolist()]
    each |= {name: values.tolist() for name, values in samples.truth.items() if values.dim() == 1}
    shared = {}
    for name, value in samples.attributes.items():
        if isinstance(value, list) and len(value) == n:
            each[name] = value
        elif isinstance(value, str | int | float | bool):
            shared[name] = value
    if "latent_seed" in shared and shared.get("reject", 1) == 1:  # else the best of more latents
        each.setdefault("latent_index", range(n))
    for at, text in enumerate(texts):
        notes = {**shared, **{name: values[at] for name, values in each.items()}}
        annotation = {name: marks[at, k].tobytes().decode() for k, name in enumerate(names)}
        yield Written(f"sample_{at}", text, notes, annotation)


def assembled(path: Path, records: Sequence[Record], notes: Sequence[Mapping[str, Any]]) -> Samples:
    """Samples from records of a file, and what it says of each.

    Raises:
        FileError: letters that are no nucleotides, or sequences of different lengths.
    """
    texts = [record.sequence for record in records]
    everything = "".join(texts).upper()
    alphabet: AlphabetName = "dna"
    if "U" in everything:
        alphabet = "iupac" if "T" in everything else "rna"  # of both, U is T
    for record in records:
        if len(record.sequence) != len(texts[0]):
            raise FileError(
                f"{path}, line {record.line}: record '{record.name}' has {len(record.sequence)} letters, but the first "
                f"one has {len(texts[0])}; samples have one length: cut them, or read them with data.use=dna/sequences"
            )
        wrong = np.flatnonzero(encode(record.sequence, alphabet) == INVALID)
        if len(wrong):
            raise FileError(
                f"{path}, line {record.line}, record '{record.name}', position {wrong[0] + 1}: "
                f"{record.sequence[wrong[0]]!r} is no nucleotide"
            )
    codes = torch.from_numpy(np.stack([encode(text, alphabet) for text in texts]))
    columns = {
        name: [note.get(name) for note in notes] for name in dict.fromkeys(key for note in notes for key in note)
    }
    labels: torch.Tensor | None = None
    classes: tuple[str, ...] = ()
    if "label" in columns and None not in columns["label"]:
        names = [str(name) for name in columns.pop("label")]
        classes = tuple(sorted(set(names)))
        labels = torch.tensor([classes.index(name) for name in names])
    attributes: dict[str, Any] = {"origin": "real"}
    truth = {}
    for name, values in columns.items():
        if all(value == values[0] for value in values):
            attributes[name] = values[0]
        elif all(type(value) in (int, float) for value in values):
            truth[name] = torch.tensor(values)
        else:
            attributes[name] = values
    origin = "simulated" if "simulated" in str(attributes["origin"]) else "real"
    spec = sequence_spec(codes.shape[1], alphabet=alphabet, classes=classes, origin=origin)
    return Samples(samples=one_hot(codes), labels=labels, truth=truth, spec=spec, attributes=attributes)


def parsed(text: str) -> Any:
    """A value as it was written: JSON where it is JSON (of finite numbers), else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value


def _write(path: Path, text: str) -> None:
    try:
        content = text.encode()
        path.write_bytes(COMPRESSED.get(path.suffix.lower(), bytes)(content))
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


class Fasta:
    """FASTA, plain or compressed (gzip, bzip2, xz): headings such as `>sample_0 label=EI …` say what is known of each.

    That is label, model, latent seed and index, scores, …. Annotation channels are not written; tables have them.
    """

    endings = tuple(each + packed for packed in ("", *COMPRESSED) for each in (".fa", ".fasta", ".fna"))

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples to one file.

        Raises:
            DoesNotFit: they are no sequences.
            FileError: the file cannot be written.
        """
        lines = []
        for each in written(samples):
            notes = (f"{name}={_as_text(value, blanks=False)}" for name, value in each.notes.items())
            lines.append(" ".join([f">{each.name}", *notes]))
            lines += [each.sequence[at : at + WRAP] for at in range(0, len(each.sequence), WRAP)]
        _write(path, "".join(f"{line}\n" for line in lines))

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote, and any other FASTA file of sequences of one length.

        Raises:
            FileError: it cannot be read, or is of another form.
        """
        try:
            records = read_sequences(path)
        except DataError as error:
            raise FileError(str(error)) from error
        notes = [
            {name: parsed(text) for name, text in _NOTE.findall(record.fields.get("description", ""))}
            for record in records
        ]
        return assembled(path, records, notes)


def _as_text(value: Any, *, blanks: bool) -> str:
    """A value as `parsed` reads it: text as it is, unless it would be read as a number, or has blanks or quotes."""
    plain = isinstance(value, str) and parsed(value) == value and value != ""
    return value if plain and (blanks or not re.search(r"[\s\"]", value)) else json.dumps(value)


class Table:
    """CSV or TSV: a column of sequences, and one for each thing that is known of them."""

    endings = tuple(each + packed for packed in ("", *COMPRESSED) for each in (".csv", ".tsv"))

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples to one file.

        Raises:
            DoesNotFit: they are no sequences.
            FileError: the file cannot be written.
        """
        rows = []
        for each in written(samples):
            notes = {name: _as_text(value, blanks=True) for name, value in each.notes.items()}
            rows.append({"name": each.name, "sequence": each.sequence, **each.annotation, **notes})
        delimiter = "\t" if ".tsv" in path.name.lower() else ","
        text = io.StringIO()
        heading = list(rows[0]) if rows else ["name", "sequence"]
        writer = csv.DictWriter(text, heading, delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        _write(path, text.getvalue())

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote (annotation as text), and any other table with a column of sequences.

        Raises:
            FileError: it cannot be read, or is of another form.
        """
        try:
            records = read_table(path)
        except DataError as error:
            raise FileError(str(error)) from error
        known = [name for name in records[0].fields if name.lower() not in ("sequence", "name")]
        return assembled(path, records, [{name: parsed(each.fields[name]) for name in known} for each in records])
