"""The data set of windows of a genome: tiled over its contigs, or around the intervals of a BED file."""

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

from gantk.console import say
from gantk.errors import DataError
from gantk_dna.alphabet import AlphabetName, sequence_spec
from gantk_dna.data import splitting
from gantk_dna.data.onehot import OneHot, chosen_side, counts_in_words
from gantk_dna.data.windows import Marks, Windows, around_intervals, marked, tiled
from gantk_dna.files.cleaning import Ambiguous, settle_ambiguous
from gantk_dna.files.genome import Contigs, read_bed
from gantk_dna.files.source import check_file, state_of

Share = Annotated[float, Interval(ge=0, lt=0.5)]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `Genome` was asked for, and the state of its files: the key under which the result is kept in memory."""

    path: Path
    states: tuple[Hashable, ...]
    length: int
    stride: int
    contigs: tuple[str, ...] | None
    bed: Path | None
    annotation: Path | None
    alphabet: AlphabetName
    ambiguous: Ambiguous
    both_strands: bool
    split_by: Literal["block", "contig"]
    block: int
    validation: float
    test: float
    seed: int


class Genome(OneHot):
    """Windows of a genome in FASTA, tiled with a stride, or centred on the intervals of a BED file.

    Equal windows are removed. The genome is cut into blocks, and a block is on one side of the split as a whole;
    overlapping windows that reach over from one side to another are left out.

    Args:
        split: "train", "validation" or "test".
        path: FASTA, GenBank or 2bit, plain or compressed (gzip, bzip2, xz), or a pipe; read whole.
        length: letters of a window.
        stride: letters from one window's start to the next; null: `length`, so that windows do not overlap.
        contigs: names of the contigs to use; null: all.
        bed: intervals to take instead of tiling: one window around the centre of each, on its strand.
        annotation: a BED file whose intervals (exons, say) are marked by 1 in one more channel.
        alphabet: dna knows T, rna U; iupac knows both, and keeps ambiguity codes as equal shares of their bases.
        ambiguous: of windows with N or another ambiguity code: an error; left out; a base drawn that they allow.
        both_strands: a window and its reverse complement mean the same: they count as equal, and in training each is
            turned over half of the time.
        split_by: block: by stretches of `block` letters; contig: by whole contigs.
        block: letters of a stretch.
        validation: share of the validation split.
        test: share of the test split.
        seed: of the split and of drawn bases; the training seed changes neither.

    Raises:
        DataError: a file is missing, damaged, or does not fit the other; the message names line or record.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        length: Annotated[int, Ge(1)] = 50,
        stride: Annotated[int, Ge(1)] | None = None,
        contigs: list[str] | None = None,
        bed: Path | None = None,
        annotation: Path | None = None,
        alphabet: AlphabetName = "dna",
        ambiguous: Ambiguous = "drop",
        both_strands: bool = False,
        split_by: Literal["block", "contig"] = "block",
        block: Annotated[int, Ge(1)] = 10_000,
        validation: Share = 0.1,
        test: Share = 0.1,
        seed: Annotated[int, Ge(0)] = 0,
    ):
        if block < length:
            raise DataError(f"data.block is {block:,}: a block cannot be shorter than a window of {length}")
        files = {"data.path": path, "data.bed": bed, "data.annotation": annotation}
        states = tuple(state_of(check_file(file, key)) for key, file in files.items() if file is not None)
        options = Options(
            path=path,
            states=states,
            length=length,
            stride=stride or length,
            contigs=None if contigs is None else tuple(contigs),
            bed=bed,
            annotation=annotation,
            alphabet=alphabet,
            ambiguous=ambiguous,
            both_strands=both_strands,
            split_by=split_by,
            block=block,
            validation=validation,
            test=test,
            seed=seed,
        )
        windows, sides = _prepare(options)
        chosen = windows[chosen_side(split, sides)]
        truth = {"contig": torch.from_numpy(chosen.contig), "start": torch.from_numpy(chosen.start)}
        if bed is not None:
            truth["score"] = torch.from_numpy(chosen.score)
        super().__init__(
            sequence_spec(
                length, alphabet=alphabet, annotations=() if annotation is None else (annotation.name.split(".")[0],)
            ),
            torch.from_numpy(chosen.codes),
            annotations=None if chosen.annotation is None else torch.from_numpy(chosen.annotation),
            truth=truth,
            both_strands=both_strands,
        )


@lru_cache(maxsize=4)
def _prepare(options: Options) -> tuple[Windows, np.ndarray]:
    """Reads the genome once for all three splits, and tells what became of its windows."""
    genome = Contigs(options.path, options.alphabet)
    names = _chosen_contigs(options, genome)
    told: Counter[str] = Counter()
    marks = None if options.annotation is None else _marks(options.annotation, genome)
    if options.bed is None:
        windows = tiled(genome, names, options.length, options.stride, marks)
    else:
        intervals = read_bed(options.bed, genome.lengths)
        windows = around_intervals(genome, names, intervals, options.length, marks, told)
    total = len(windows.codes) + sum(told.values())
    if not len(windows.codes):
        raise DataError(f"{options.path}: no contig is as long as a window of {options.length} letters")
    if options.alphabet != "iupac":
        windows = windows[settle_ambiguous(windows.codes, told, options.ambiguous, options.seed, path=options.path)]
    if not len(windows.codes):
        raise DataError(f"{options.path}: all {total:,} windows hold ambiguity codes; say data.ambiguous=sample")
    first, inverse = splitting.first_of_each(splitting.keys_of(windows.codes, options.both_strands))
    same = "equal to an earlier one" + (" or its reverse complement" if options.both_strands else "")
    others = int((windows.score != windows.score[first[inverse]]).sum())
    same += f" (of them {others:,} with another score: the first stays)" if others else ""
    told[same] += len(windows.codes) - len(first)
    windows = windows[first]
    shares = (options.validation, options.test)
    if options.split_by == "contig":
        sides = splitting.sides_by_group(windows.contig.tolist(), shares, options.seed, "contig")
    else:
        windows, sides = _sides_by_block(options, windows, shares, told)
    if not (sides == splitting.TRAIN).any():
        raise DataError(f"{options.path}: no window is left for training ({counts_in_words(total, told, sides)})")
    say(f"{options.path}, windows of {options.length}: {counts_in_words(total, told, sides)}")
    return windows, sides


def _marks(path: Path, genome: Contigs) -> Marks:
    return marked(read_bed(path, genome.lengths, "data.annotation"), genome.lengths)


def _chosen_contigs(options: Options, genome: Contigs) -> list[str]:
    if options.contigs is None:
        return list(genome.lengths)
    for name in options.contigs:
        if name not in genome.lengths:
            raise DataError(f"{options.path}: no contig '{name}'; there are {', '.join(list(genome.lengths)[:20])}")
    return list(options.contigs)


def _sides_by_block(
    options: Options, windows: Windows, shares: splitting.Shares, told: Counter[str]
) -> tuple[Windows, np.ndarray]:
    """Windows with their sides: that of the block in which they start, if it is also the one in which they end."""
    first, last = windows.start // options.block, (windows.start + options.length - 1) // options.block
    groups = list(zip(windows.contig.tolist(), first.tolist(), strict=True))
    sides = splitting.sides_by_group(groups, shares, options.seed, f"blocks of {options.block:,} letters")
    if options.bed is None and options.stride >= options.length:
        return windows, sides
    of_block = dict(zip(groups, sides.tolist(), strict=True))
    ends = zip(windows.contig.tolist(), last.tolist(), sides.tolist(), strict=True)
    stays = np.array([of_block.get((contig, block), side) == side for contig, block, side in ends])
    told["overlapping the next side of the split"] += int((~stays).sum())
    return windows[stays], sides[stays]
