"""Windows of contigs: tiled, or around the intervals of a BED file, with marks of a second one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gantk_dna.alphabet import COMPLEMENT
from gantk_dna.files.genome import Contigs, Interval

Marks = Mapping[str, np.ndarray]
"""Of each contig, 1 where an interval lies and 0 elsewhere, (length,) uint8."""


@dataclass(frozen=True)
class Windows:
    """Windows in one order.

    Args:
        codes: (N, L) uint8.
        contig: (N,) int64, numbers of the contigs.
        start: (N,) int64, first position, from 0.
        score: (N,) float32, of their intervals; 0 where tiled.
        strand: (N,) text, "(+)" or "(-)" of intervals; "" where tiled.
        annotation: (N, 1, L) uint8, or None.
    """

    codes: np.ndarray
    contig: np.ndarray
    start: np.ndarray
    score: np.ndarray
    strand: np.ndarray
    annotation: np.ndarray | None

    def __getitem__(self, chosen: np.ndarray) -> Windows:
        marks = None if self.annotation is None else self.annotation[chosen]
        return Windows(
            self.codes[chosen],
            self.contig[chosen],
            self.start[chosen],
            self.score[chosen],
            self.strand[chosen],
            marks,
        )


def tiled(genome: Contigs, names: Sequence[str], length: int, stride: int, marks: Marks | None) -> Windows:
    """All windows of the contigs `names`, from position 0 on, every `stride` letters.

    Args:
        genome: the contigs.
        names: which ones; windows count them in this order.
        length: letters of a window.
        stride: letters from one start to the next.
        marks: what is marked, or None.
    """
    every = np.lib.stride_tricks.sliding_window_view
    codes, annotation, starts, contigs = [], [], [], []
    for number, name in enumerate(names):
        if genome.lengths[name] < length:
            continue
        codes.append(every(genome.codes(name), length)[::stride].copy())
        starts.append(np.arange(len(codes[-1]), dtype=np.int64) * stride)
        contigs.append(np.full(len(codes[-1]), number, np.int64))
        if marks is not None:
            annotation.append(every(marks[name], length)[::stride].copy())
    if not codes:
        return _none(length)
    start = np.concatenate(starts)
    return Windows(
        np.concatenate(codes),
        np.concatenate(contigs),
        start,
        np.zeros(len(start), np.float32),
        np.zeros(len(start), "U3"),
        np.concatenate(annotation)[:, None] if annotation else None,
    )


def around_intervals(
    genome: Contigs,
    names: Sequence[str],
    intervals: Iterable[Interval],
    length: int,
    marks: Marks | None,
    told: Counter[str],
) -> Windows:
    """One window centred on each interval, read on its strand.

    Args:
        genome: the contigs.
        names: which ones; windows count them in this order.
        intervals: within the contigs.
        length: letters of a window.
        marks: what is marked, or None.
        told: counts by reason; intervals that are left out are added.
    """
    number = {name: at for at, name in enumerate(names)}
    rows, annotation, places = [], [], []
    for interval in intervals:
        start = (interval.start + interval.end - length) // 2
        end = start + length
        if interval.contig not in number:
            told["on other contigs"] += 1
        elif start < 0 or end > genome.lengths[interval.contig]:
            told["reaching over the end of their contig"] += 1
        else:
            codes = genome.codes(interval.contig, start, end)
            mark = None if marks is None else marks[interval.contig][start:end]
            if interval.strand == "-":
                codes, mark = COMPLEMENT[codes][::-1], None if mark is None else mark[::-1]
            rows.append(codes)
            places.append((number[interval.contig], start, interval.score, f"({interval.strand})"))
            if mark is not None:
                annotation.append(mark)
    if not rows:
        return _none(length)
    contig, starts, scores, strands = zip(*places, strict=True)
    return Windows(
        np.stack(rows),
        np.array(contig),
        np.array(starts),
        np.array(scores, np.float32),
        np.array(strands),
        np.stack(annotation)[:, None] if annotation else None,
    )


def marked(intervals: Iterable[Interval], lengths: Mapping[str, int]) -> Marks:
    """Of each contig, 1 where one of the intervals lies.

    Args:
        intervals: within the contigs.
        lengths: of the contigs.
    """
    marks = {name: np.zeros(length, np.uint8) for name, length in lengths.items()}
    for interval in intervals:
        marks[interval.contig][interval.start : interval.end] = 1
    return marks


def _none(length: int) -> Windows:
    nothing = np.zeros(0, np.int64)
    return Windows(
        np.zeros((0, length), np.uint8), nothing, nothing, nothing.astype(np.float32), np.zeros(0, "U3"), None
    )
