"""The data set of sequences that stand in one file: FASTA, one a line, or a table with labels and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Interval

from gantk.console import say, warn
from gantk.errors import DataError
from gantk_dna.alphabet import AlphabetName, decode, sequence_spec
from gantk_dna.data import splitting
from gantk_dna.data.labels import (
    Labels,
    annotation_rows,
    given_sides,
    label_rows,
    repeats_removed,
    score_rows,
)
from gantk_dna.data.leaks import tell_of_leak
from gantk_dna.data.onehot import OneHot, chosen_side, counts_in_words, pick
from gantk_dna.files.cleaning import Ambiguous, Anchor, OtherLengths, to_matrix
from gantk_dna.files.observed import (
    entries_of,
    named,
    observed,
    others_than,
    repeats_in_words,
    weights_in_words,
    weights_of,
)
from gantk_dna.files.sequences import Record, read_sequences
from gantk_dna.files.source import state_of
from gantk_dna.files.tables import is_table, read_table
from gantk_dna.weights import copies_of

Share = Annotated[float, Interval(ge=0, lt=0.5)]
Duplicates = Literal["remove", "average", "keep"]
SplitBy = Literal["sequence", "identity", "group", "given"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `Sequences` was asked for, and the state of its file: the key under which the result is kept in memory."""

    path: Path
    state: Hashable
    length: int | None
    other_lengths: OtherLengths
    anchor: Anchor
    alphabet: AlphabetName
    ambiguous: Ambiguous
    duplicates: Duplicates
    both_strands: bool
    sequence: str | None
    name: str | None
    label: str | None
    score: tuple[str, ...]
    bins: int | None
    percentiles: tuple[float, float]
    annotation: str | None
    weight: str | None
    leave_out: tuple[str, ...]
    split_by: SplitBy
    split_column: str | None
    test_groups: tuple[str, ...]
    identity: float
    validation: float
    test: float
    seed: int


@dataclass(frozen=True)
class Prepared:
    """All sides of the data: rows of the same number belong together."""

    codes: np.ndarray
    sides: np.ndarray
    labels: Labels
    annotations: np.ndarray | None
    names: list[str]
    copies: np.ndarray | None


class Sequences(OneHot):
    """Sequences from FASTA, FASTQ, GenBank, 2bit, lines or a table (CSV, TSV) with a heading; gzip, bzip2 or xz too.

    Equal sequences are removed, so they never stand on two sides of the split; what was removed is told.

    Args:
        split: "train", "validation" or "test".
        path: the file or pipe: by its ending a table (.csv, .tsv, .tab), else told by how it begins: FASTA, FASTQ,
            GenBank, 2bit, or one sequence a line.
        length: letters of a sample; null: the length that most sequences have.
        other_lengths: of sequences of another length: an error; left out (drop); the longer cut and the shorter left
            out (crop); the longer cut and the shorter filled up with N (pad).
        anchor: which part of a longer sequence stays, and where a shorter one stands.
        alphabet: dna knows T, rna U; iupac knows both, and keeps ambiguity codes as equal shares of their bases.
        ambiguous: of N and other ambiguity codes: an error; their sequences left out; a base drawn that they allow.
        duplicates: of equal sequences: the first stays, with what the table says of it (remove), or with the mean of
            their scores (average), or all of them stay.
        both_strands: a sequence and its reverse complement mean the same: they count as equal, and in training each
            is turned over half of the time.
        sequence: column of the sequences in a table; null: sequence, seq, x or dna.
        name: column of what the records are called; null: name or id, where there is such a column.
        label: column of class names; null: no labels, unless `bins` makes them.
        score: column of numbers, or a list of columns that hold counts in bins 0, 1, …, whose mean bin is the score.
        bins: makes labels of the scores: so many bins, equally full in training; null: none.
        percentiles: only sequences with scores in this range of percentiles, [0, 40] for the lower ones.
        annotation: column of strings of 0 and 1 as long as the sequence: one more channel.
        weight: column of how often each sequence was observed (counts, or other numbers above 0): it is trained on, and
            counts in metrics and logos, so often. Of equal sequences the weights are added. Null: each counts once.
        leave_out: rows of a table that are not read, by their entry in a column: [label=ambiguous].
        split_by: sequence: at random; identity: what is alike stays together; group: what has the same entry in
            `split_column` stays together (a chromosome); given: `split_column` says train, validation or test.
        split_column: column for the two last.
        test_groups: of a split by group, the entries that make the test split (chr8); null: `test` says how much.
        identity: from which share of equal letters on sequences are alike (1 - Levenshtein distance / length).
        validation: share of the validation split.
        test: share of the test split.
        seed: of the split and of drawn bases; the training seed changes neither.

    Raises:
        DataError: the file is missing, damaged, or not as the parameters say; the message names line and record.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        length: Annotated[int, Ge(1)] | None = None,
        other_lengths: OtherLengths = "error",
        anchor: Anchor = "start",
        alphabet: AlphabetName = "dna",
        ambiguous: Ambiguous = "error",
        duplicates: Duplicates = "remove",
        both_strands: bool = False,
        sequence: str | None = None,
        name: str | None = None,
        label: str | None = None,
        score: str | list[str] | None = None,
        bins: Annotated[int, Ge(2)] | None = None,
        percentiles: tuple[Annotated[float, Interval(ge=0, le=100)], Annotated[float, Interval(ge=0, le=100)]] = (
            0.0,
            100.0,
        ),
        annotation: str | None = None,
        weight: str | None = None,
        leave_out: list[str] | None = None,
        split_by: SplitBy = "sequence",
        split_column: str | None = None,
        test_groups: list[str] | None = None,
        identity: Annotated[float, Interval(gt=0, le=1)] = 0.8,
        validation: Share = 0.1,
        test: Share = 0.1,
        seed: Annotated[int, Ge(0)] = 0,
    ):
        options = Options(
            path=path,
            state=state_of(path),
            length=length,
            other_lengths=other_lengths,
            anchor=anchor,
            alphabet=alphabet,
            ambiguous=ambiguous,
            duplicates=duplicates,
            both_strands=both_strands,
            sequence=sequence,
            name=name,
            label=label,
            score=(score,) if isinstance(score, str) else tuple(score or ()),
            bins=bins,
            percentiles=percentiles,
            annotation=annotation,
            weight=weight,
            leave_out=tuple(leave_out or ()),
            split_by=split_by,
            split_column=split_column,
            test_groups=tuple(test_groups or ()),
            identity=identity,
            validation=validation,
            test=test,
            seed=seed,
        )
        prepared = _prepare(options)
        chosen = chosen_side(split, prepared.sides)
        labels, scores = prepared.labels.labels, prepared.labels.scores
        codes = pick(prepared.codes, chosen)
        assert codes is not None
        super().__init__(
            sequence_spec(
                codes.shape[1],
                alphabet=alphabet,
                annotations=() if annotation is None else (annotation,),
                classes=prepared.labels.classes,
            ),
            codes,
            annotations=pick(prepared.annotations, chosen),
            labels=pick(labels, chosen),
            truth={} if scores is None else {"score": torch.from_numpy(scores[chosen])},
            both_strands=both_strands,
            copies=pick(prepared.copies, chosen),
            names=[prepared.names[at] for at in chosen.tolist()],
        )


@lru_cache(maxsize=4)
def _prepare(options: Options) -> Prepared:
    """Reads the file once for all three splits, and tells what became of it."""
    path = options.path
    records = _read(options)
    total, told = len(records), Counter[str]()
    names = Counter(record.name for record in records)
    if len(names) < total:
        warn(f"{path}: {total - len(names):,} records have the name of an earlier one ('{names.most_common(1)[0][0]}')")
    records = others_than(path, records, options.leave_out, told)
    if options.weight:
        records = observed(path, records, options.weight, told)
    codes, kept = to_matrix(
        path,
        records,
        told,
        alphabet=options.alphabet,
        length=options.length,
        other_lengths=options.other_lengths,
        anchor=options.anchor,
        ambiguous=options.ambiguous,
        seed=options.seed,
    )
    records = [records[at] for at in kept]
    scores = None
    if options.score:  # before equal sequences are removed: one without a score does not stand for one that has it
        scores, left = score_rows(path, records, options.score, told)
        codes, records = codes[left], [records[at] for at in left]
    keys = splitting.keys_of(codes, options.both_strands)
    first, inverse = splitting.first_of_each(keys)
    repeats = len(keys) - len(first)
    weights = weights_of(path, records, options.weight) if options.weight else None
    if options.duplicates != "keep":
        weights = None if weights is None else np.bincount(inverse, weights).astype(float)
        columns = {"label": options.label, "entry in the column of the split": options.split_column}
        columns["annotation"] = options.annotation
        told[repeats_removed(records, columns, scores, first[inverse], options.both_strands, options.duplicates)] += (
            repeats
        )
        if scores is not None:
            mean = (np.bincount(inverse, scores) / np.bincount(inverse)).astype(np.float32)
            scores = mean if options.duplicates == "average" else scores[first]
        codes, records, keys = codes[first], [records[at] for at in first], [keys[at] for at in first]
        first = inverse = np.arange(len(first))
    distinct = [records[at] for at in first]
    sides = _sides(options, [keys[at] for at in first], codes[first], distinct)[inverse]
    labels, left = label_rows(
        path, records, sides, told,
        label=options.label, scores=scores, bins=options.bins, percentiles=options.percentiles,
    )  # fmt: skip
    if not (sides[left] == splitting.TRAIN).any():
        raise DataError(f"{path}: no sequence is left for training ({counts_in_words(total, told, sides[left])})")
    weights = None if weights is None else weights[left]
    copies = None if weights is None else copies_of(weights)
    annotations = None
    if options.annotation:
        rows = annotation_rows(path, records, options.annotation, codes.shape[1], options.anchor)
        annotations = rows[left][:, None]
    weighted = weights_in_words(options.weight, weights, copies)
    if weights is None and options.duplicates == "remove":
        weighted = repeats_in_words(repeats, len(kept))
    say(f"{path}: {counts_in_words(total, told, sides[left])}{weighted}")
    if options.split_by in ("group", "given"):
        tell_of_leak(path, codes[left], sides[left], options.both_strands)
    called = [record.name for record in named([records[at] for at in left], options.name)]
    return Prepared(codes[left], sides[left], labels, annotations, called, copies)


def _read(options: Options) -> list[Record]:
    wanted = [options.name, options.label, options.split_column, options.annotation, options.weight, *options.score]
    columns = [column for column in (*wanted, *entries_of(options.leave_out)) if column]
    if is_table(options.path):
        return read_table(options.path, sequence=options.sequence, columns=columns)
    if columns or options.sequence:
        raise DataError(
            f"{options.path}: has no columns to find {', '.join(columns) or options.sequence} in: tables end in .csv, "
            ".tsv or .tab (also with .gz)"
        )
    return read_sequences(options.path)


def _sides(options: Options, keys: list[bytes], codes: np.ndarray, records: list[Record]) -> np.ndarray:
    shares = (options.validation, options.test)
    if options.test_groups and options.split_by != "group":
        raise DataError("data.test_groups names groups: say data.split_by=group and data.split_column=COLUMN")
    if options.split_by == "sequence":
        return splitting.sides_by_sequence(keys, shares, options.seed)
    if options.split_by == "identity":
        texts = decode(codes)
        opposite = decode(splitting.COMPLEMENT[codes[:, ::-1]]) if options.both_strands else None
        found = splitting.clusters(texts, options.identity, opposite).tolist()
        return splitting.sides_by_group(found, shares, options.seed, f"identity of {options.identity:.0%} (clusters)")
    if options.split_column is None:
        raise DataError(f"data.split_by={options.split_by} needs a column: say data.split_column=COLUMN")
    if options.split_by == "given":
        return given_sides(options.path, records, options.split_column)
    groups = [record.fields[options.split_column] for record in records]
    for name in options.test_groups:
        if name not in groups:
            some = ", ".join(sorted(set(groups))[:20])
            raise DataError(f"{options.path}: '{options.split_column}' is nowhere '{name}'; there are {some}")
    what = f"the column {options.split_column} (groups)"
    return splitting.sides_by_group(groups, shares, options.seed, what, options.test_groups)
