"""Reads an expression file once for all splits: samples, genes, sides, transforms, and what became of them in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gantk.console import say, warn
from gantk.errors import DataError, DoesNotFit
from gantk.messages import printable
from gantk.spec import DataSpec
from gantk_expression import fitting, transforms
from gantk_expression.data import samples, splits
from gantk_expression.data.genes import Choose, Repeated, chosen_genes, numbers_of, varying, without_repeats
from gantk_expression.files.delimited import GenesIn
from gantk_expression.files.reading import read_expression
from gantk_expression.matrix import Column, ExpressionMatrix, Values, row_sums
from gantk_expression.numbers import Kind, Numbers, numbers_of_matrix, recovered
from gantk_expression.profiles import expression_spec
from gantk_expression.transforms import Step, Transform


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `ExpressionTable` was asked for, and the state of its file: the key under which the result is kept."""

    path: Path
    state: tuple[Hashable, Hashable]
    layer: str | None
    numbers: Numbers | None
    genes_in: GenesIn
    obs: Path | None
    gene_names: str | None
    transform: tuple[Step, ...]
    target: float | None
    totals: str
    genes: tuple[str, ...]
    choose: Choose
    number: int
    repeated_genes: Repeated
    missing: samples.Missing
    label: str | None
    covariates: tuple[str, ...]
    categorical: tuple[str, ...]
    only: tuple[str, ...]
    leave_out: tuple[str, ...]
    split_by: str | None
    test_groups: int | tuple[str, ...] | None
    validation_groups: int | tuple[str, ...] | None
    train_groups: tuple[str, ...]
    validation: float
    test: float
    seed: int

    def columns(self) -> list[str]:
        """Columns of annotation that the recipe speaks of."""
        named = [self.label, self.split_by, *self.covariates]
        named += [each.partition("=")[0] for each in (*self.only, *self.leave_out)]
        return [each for each in named if each]


@dataclass(frozen=True)
class Prepared:
    """All sides of the data: rows of the same number belong together."""

    spec: DataSpec
    values: Values
    late: tuple[Transform, ...]
    sides: NDArray[np.int64]
    labels: Tensor | None
    condition: Tensor | None
    names: list[str]
    obs: dict[str, Column]


@lru_cache(maxsize=2)
def prepare(options: Options) -> Prepared:
    """Reads the file once for all three splits, and says what became of it."""
    named, told = printable(str(options.path)), Counter[str]()
    matrix, how = read_expression(
        options.path, layer=options.layer, genes_in=options.genes_in, annotation=options.columns(), obs=options.obs
    )
    total = len(matrix)
    if options.gene_names is not None:
        matrix = _renamed(matrix, options.gene_names, named)
    matrix = samples.selected(matrix, options.only, options.leave_out, told, named)
    needed = [each for each in (options.label, options.split_by, *options.covariates) if each]
    matrix = samples.with_entries(matrix, needed, told, named)
    matrix, missing = samples.without_missing(matrix, options.missing, told, named)
    first, rest = transforms.split_steps(options.transform)
    kind = _kind(matrix, options, missing)
    transforms.check_steps(options.transform, kind.numbers, f"the numbers of {named}")
    if kind.numbers != "scaled":
        counted = row_sums(np.nan_to_num(matrix.values) if missing else matrix.values) > 0
        told["without counts"] += int((~counted).sum())
        matrix = matrix.rows(counted)
    matrix, repeats = without_repeats(matrix, options.repeated_genes, named)
    if repeats:
        done = {"rename": "renamed (-1, -2, …)", "first": "left out", "sum": "added", "mean": "averaged"}
        told[f"genes with the name of an earlier one, {done[options.repeated_genes]}*"] += repeats
    sides = _sides(options, matrix, named)
    leaking = sides == splits.LEFT_OUT
    told["equal to a sample on another side"] += int(leaking.sum())
    matrix, sides = matrix.rows(~leaking), sides[~leaking]
    training = np.flatnonzero(sides == splits.TRAIN)
    if not len(training):
        raise DataError(f"{named}: no sample is left for training; data.validation and data.test take too much")
    if missing:
        matrix = samples.filled(matrix, training)
    fitted = _fitted(options, matrix, training, kind, first, rest, told, named)
    labels, classes = (None, ()) if options.label is None else samples.labels_of(matrix, options.label, named)
    condition, about = samples.conditions_of(matrix, options.covariates, options.categorical, training, named)
    spec = expression_spec(
        fitted.genes,
        fitted.found.numbers,
        steps=fitted.found.steps,
        classes=classes,
        label=options.label,
        condition=about,
        origin="real" if matrix.origin == "real" else "simulated",
        file_numbers=kind.numbers,
        **({} if options.layer is None else {"layer": options.layer}),
    )
    shape = f"{len(fitted.genes):,} genes, {fitted.found.numbers}{how and ', '}{how}"
    say(f"{named}: {samples.counts_in_words(total, told, sides, shape)}")
    if len(fitted.genes) > len(training):
        say(f"{named}: more genes ({len(fitted.genes):,}) than training samples ({len(training):,})")
    if matrix.origin == "generated":
        warn(f"{named}: these samples were generated, and are trained on as if they had been measured")
    return Prepared(
        spec, fitted.found.values, fitted.found.late, sides, labels, condition, matrix.samples, dict(matrix.obs)
    )


def _renamed(matrix: ExpressionMatrix, column: str, named: str) -> ExpressionMatrix:
    if column not in matrix.var:
        raise DataError(
            f"{named}: no column '{printable(column)}' for data.gene_names; there are {', '.join(matrix.var)}"
        )
    texts = matrix.var[column].texts()
    names = [text or name for text, name in zip(texts, matrix.genes, strict=True)]
    return ExpressionMatrix(matrix.values, names, matrix.samples, matrix.obs, matrix.var, matrix.origin, matrix.facts)


def _kind(matrix: ExpressionMatrix, options: Options, missing: int) -> Kind:
    """What the numbers are: as the recipe says, as gantk wrote them, or by looking."""
    looked = numbers_of_matrix(matrix, np.nan_to_num(matrix.values) if missing else matrix.values)
    if options.numbers is None:
        return looked
    if options.numbers != "scaled" and looked.numbers == "scaled":
        raise DoesNotFit(
            f"data.numbers is {options.numbers}, but {looked.why}: name another data.layer, or leave it out"
        )
    return Kind(options.numbers, "as data.numbers says", looked.per)


def _sides(options: Options, matrix: ExpressionMatrix, named: str) -> NDArray[np.int64]:
    shares = (options.validation, options.test)
    contents = splits.contents_of(matrix.values)
    if options.split_by is None:
        if options.test_groups or options.validation_groups or options.train_groups:
            raise DataError(
                "data.test_groups, validation_groups and train_groups speak of entries of a column: say "
                "data.split_by=COLUMN"
            )
        strata: Any = [0] * len(matrix) if options.label is None else matrix.obs[options.label].texts()
        return splits.sides_by_sample(contents, strata, shares, options.seed)
    entries = samples.column(matrix, options.split_by, "data.split_by", named).texts()
    given = splits.given_sides(entries)
    if given is None:
        given = splits.sides_by_group(
            entries,
            shares,
            options.seed,
            options.split_by,
            test=options.test_groups,
            validation=options.validation_groups,
            train=options.train_groups,
        )
    return splits.without_leaks(given, contents)


@dataclass(frozen=True)
class _Fitted:
    found: fitting.Fitted
    genes: list[str]


def _fitted(
    options: Options,
    matrix: ExpressionMatrix,
    training: NDArray[Any],
    kind: Kind,
    first: list[str],
    rest: list[str],
    told: Counter[str],
    named: str,
) -> _Fitted:
    """The numbers after all steps, of the genes that are taken."""
    totals = _totals(options, matrix, named) if "recover_counts" in first else None
    values, done = fitting.scale_rows(
        first, matrix.values, training, kind.numbers, target=options.target, totals=totals, column=options.totals
    )
    numbers = done[-1].after if done else kind.numbers
    genes = matrix.genes
    if options.genes:  # before logarithms: those of other genes are for nothing
        chosen = numbers_of(options.genes, genes, named)
        values, genes = values[:, chosen], [genes[at] for at in chosen.tolist()]
    changing = varying(values, training)
    if not changing.all():
        told["genes that are the same in all training samples, left out*"] += int((~changing).sum())
        values, genes = values[:, changing], [name for name, kept in zip(genes, changing, strict=True) if kept]
    if not genes:
        raise DataError(f"{named}: no gene differs between the training samples")
    logs = [name for name in rest if transforms.STEPS[name].elementwise]
    logged = fitting.fit(logs, values, training, numbers, before=done)
    values = logged.values
    if options.choose != "all" and not options.genes:
        chosen = chosen_genes(values, training, logged.numbers, options.choose, options.number)
        values, genes = values[:, chosen], [genes[at] for at in chosen.tolist()]
    found = fitting.fit(rest[len(logs) :], values, training, logged.numbers, before=logged.steps)
    return _Fitted(found, genes)


def _totals(options: Options, matrix: ExpressionMatrix, named: str) -> NDArray[np.float64]:
    """The total counts of each cell, if they are those that give integers back."""
    column = samples.column(matrix, options.totals, "data.totals", named)
    if not column.numeric or np.isnan(column.values).any() or not (column.values > 0).all():
        raise DoesNotFit(
            f"{named}: '{options.totals}' is not a total count of every cell: name the column by data.totals"
        )
    apart = recovered(matrix.values, column.values)
    if apart > 0.005:
        raise DoesNotFit(
            f"{named}: exp(x) - 1, times '{options.totals}' / 10,000, is up to {apart:.2g} of a count away from an "
            "integer: these are no logarithms of counts per 10,000 of such totals. Name another data.layer or "
            "data.totals, or leave recover_counts out"
        )
    return column.values
