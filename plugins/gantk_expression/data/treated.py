"""Data set `pairs`: treated profiles of a file, each with the controls of its plate or cell line."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Gt
from numpy.typing import NDArray
from torch import Tensor

from gantk.console import say
from gantk.errors import DataError
from gantk.messages import did_you_mean, printable
from gantk_expression.data.genes import without_repeats
from gantk_expression.data.pairs import Pairs
from gantk_expression.data.samples import column
from gantk_expression.files.reading import read_expression, state_of
from gantk_expression.matrix import Column, ExpressionMatrix, dense_rows
from gantk_expression.numbers import Numbers, what_numbers
from gantk_expression.perturbation import UNLABELLED
from gantk_expression.profiles import expression_spec
from gantk_expression.robust import robust_scale
from gantk_expression.transforms import Standardise

CONTROL, LEFT_OUT = "control", ""
"""What stands for a split of samples that belong to none."""


@dataclass(frozen=True)
class Table:
    """A file, and the columns of annotation that pairs need.

    Args:
        matrix: all samples.
        numbers: what the numbers are.
        columns: by what they are for: drug, dose, match, hold_out, response.
        named: the file, for messages.
    """

    matrix: ExpressionMatrix
    numbers: Numbers
    columns: dict[str, Column]
    named: str


class TreatedPairs(Pairs):
    """Pairs of an untreated and a treated profile from a file (h5ad, GCT, CSV or TSV), for expression/pertvae.

    The sample is a treated profile, its condition a control of the same `match`, the drug, and log₁₀ of the dose. In
    training a control is drawn for each pair and batch. Each number becomes a robust z value by gene: its distance from
    the median of the training controls in units of their median absolute deviation × 1.4826, cut off at ± `clip`.

    Args:
        split: "train", "validation" or "test".
        path: the file; its ending says what it is.
        obs: a table of annotation of the samples, by their names in its first column.
        layer: of an h5ad file: "raw", or the name of a layer; null: X.
        drug: column that names the drug.
        dose: column of the dose, a number above 0.
        control: what controls have in the column `drug`.
        match: column whose entry a pair and its controls share (plate, cell line); null: all controls go with all.
        hold_out: column whose entries are held out together: that of the dose, of the drug, of the cell line.
        test: entries of it that make the test split.
        validation: entries of it that make the validation split.
        response: column of the class by which each treated sample responds; "" where nobody measured it.
        gene_names: column of the genes' annotation that names them (pr_gene_symbol); null: as the rows are named.
        least_deviation: a median absolute deviation (× 1.4826) below it counts as this one, in the file's units.
        clip: largest size of a z value.

    Raises:
        DataError: the file is missing, damaged, or not as the parameters say.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        obs: Path | None = None,
        layer: str | None = None,
        drug: str = "pert_iname",
        dose: str = "pert_dose",
        control: str = "DMSO",
        match: str | None = None,
        hold_out: str = "pert_dose",
        test: list[str],
        validation: list[str],
        response: str | None = None,
        gene_names: str | None = None,
        least_deviation: Annotated[float, Gt(0)] = 0.1,
        clip: Annotated[float, Gt(0)] = 10.0,
    ):
        wanted = {"drug": drug, "dose": dose, "match": match, "hold_out": hold_out, "response": response}
        state = (state_of(path), None if obs is None else state_of(obs))
        given = tuple((key, name) for key, name in wanted.items() if name)
        table = _table(path, obs, layer, gene_names, given, state)
        sides, doses, told = _sides(table, control, test, validation)
        if split == "train":
            say(told)
        values = dense_rows(table.matrix.values, slice(None)).numpy()
        groups = np.array(table.columns["match"].texts() if match else [""] * len(sides))
        controls = np.flatnonzero(sides == CONTROL)
        reference = controls[np.isin(groups[controls], groups[sides == "train"])]
        if len(reference) < 3:
            raise DataError(
                f"{table.named}: {len(reference)} controls of the training samples (data.control={control}) are too "
                "few to say how much they vary: 3 or more"
            )
        middle, width = robust_scale(values[reference], least_deviation)
        rows = np.flatnonzero(sides == split)
        choices, counts = _choices(groups, rows, controls, table.named)
        names = table.columns["drug"].texts()
        drugs = [each for each in sorted(set(names)) if each and each != control]
        number = {each: at for at, each in enumerate(drugs)}
        labels, classes = _response(table, rows, response)

        def scaled(which: NDArray[Any]) -> Tensor:
            return torch.from_numpy(np.clip((values[which] - middle) / width, -clip, clip).astype(np.float32))

        step = Standardise(before=table.numbers, mean=torch.from_numpy(middle), sd=torch.from_numpy(width))
        genes = table.matrix.genes
        spec = expression_spec(genes, "scaled", steps=[step], classes=classes, form="pairs")
        lines = {each: at for at, each in enumerate(sorted(set(groups.tolist())))}
        super().__init__(
            spec,
            scaled(rows),
            scaled(controls),
            choices,
            counts,
            torch.tensor([number[names[at]] for at in rows.tolist()], dtype=torch.int64),
            torch.from_numpy(np.log10(doses[rows])),
            drugs=drugs,
            labels=labels,
            truth={"line": torch.tensor([lines[groups[at]] for at in rows.tolist()], dtype=torch.int64)},
        )
        self.names = [table.matrix.samples[at] for at in rows.tolist()]

    def sample_names(self, indices: Tensor) -> list[str]:
        """What these samples are called in their file."""
        return [self.names[at] for at in indices.tolist()]


@lru_cache(maxsize=2)
def _table(
    path: Path,
    obs: Path | None,
    layer: str | None,
    gene_names: str | None,
    wanted: Sequence[tuple[str, str]],
    state: Hashable,
) -> Table:
    """The file, read once for all splits; `state` says that it is still the same."""
    named = printable(str(path))
    matrix, _ = read_expression(path, layer=layer, annotation=[name for _, name in wanted], obs=obs)
    if gene_names is not None:
        if gene_names not in matrix.var:
            there = did_you_mean(gene_names, matrix.var, f"there are {', '.join(matrix.var)}")
            raise DataError(f"{named}: no column '{printable(gene_names)}' for data.gene_names; {there}")
        texts = matrix.var[gene_names].texts()
        genes = [text or name for text, name in zip(texts, matrix.genes, strict=True)]
        matrix = ExpressionMatrix(
            matrix.values, genes, matrix.samples, matrix.obs, matrix.var, matrix.origin, matrix.facts
        )
    matrix, _ = without_repeats(matrix, "rename", named)
    if not np.isfinite(np.asarray(matrix.values.sum())):
        raise DataError(f"{named}: numbers are missing; expression/pairs needs all of them")
    numbers = what_numbers(matrix.values).numbers
    if numbers in ("counts", "normalised"):
        raise DataError(
            f"{named}: these are {numbers}, and changes are compared of logarithms: name a data.layer with log values"
        )
    return Table(matrix, numbers, {key: column(matrix, name, f"data.{key}", named) for key, name in wanted}, named)


def _sides(
    table: Table, control: str, test: Sequence[str], validation: Sequence[str]
) -> tuple[NDArray[np.str_], NDArray[np.float64], str]:
    """The split of each sample, "control", or "" for those left out, and its dose, (N,) each; and both in words."""
    drugs = np.array(table.columns["drug"].texts())
    if not (drugs == control).any():
        there = did_you_mean(control, sorted(set(drugs)), f"there are {printable(', '.join(sorted(set(drugs))[:12]))}")
        raise DataError(f"{table.named}: no sample is a control (data.control='{printable(control)}'); {there}")
    dose = table.columns["dose"]
    doses = dose.values if dose.numeric else np.full(len(drugs), np.nan)
    usable = (drugs != control) & (drugs != "") & np.nan_to_num(doses > 0).astype(bool)
    entries = np.array(table.columns["hold_out"].texts())
    known = sorted(set(entries[usable]))
    sides = np.where(usable, "train", LEFT_OUT).astype("<U10")
    for split, chosen in (("test", test), ("validation", validation)):
        for entry in chosen:
            found = usable & (entries == entry)
            if not found.any():
                there = did_you_mean(entry, known, f"there are {printable(', '.join(known[:12]))}")
                raise DataError(f"{table.named}: data.{split}: no treated sample has '{printable(entry)}'; {there}")
            sides[found] = split
    sides[drugs == control] = CONTROL
    numbers = {name: int((sides == name).sum()) for name in ("train", "validation", "test", CONTROL, LEFT_OUT)}
    if not all(numbers[name] for name in ("train", "validation", "test")):
        raise DataError(
            f"{table.named}: train {numbers['train']}, validation {numbers['validation']}, test {numbers['test']}: "
            "none may be empty; data.test and data.validation name entries of data.hold_out"
        )
    left = f"; {numbers[LEFT_OUT]} left out without a drug or a dose above 0" if numbers[LEFT_OUT] else ""
    told = (
        f"{table.named}: {len(set(drugs[usable]))} drugs, {numbers[CONTROL]} controls; train {numbers['train']:,}, "
        f"validation {numbers['validation']:,}, test {numbers['test']:,}{left}"
    )
    return sides, doses, told


def _choices(
    groups: NDArray[np.str_], rows: NDArray[np.int64], controls: NDArray[np.int64], named: str
) -> tuple[Tensor, Tensor]:
    """Numbers of the controls of each pair among all controls, padded with 0, and how many there are."""
    of_group = {each: np.flatnonzero(groups[controls] == each) for each in set(groups[rows].tolist())}
    alone = sorted(name for name, found in of_group.items() if not len(found))
    if alone:
        raise DataError(f"{named}: no control has '{printable(alone[0])}' in data.match, as treated samples have")
    counts = torch.tensor([len(of_group[groups[at]]) for at in rows.tolist()])
    choices = torch.zeros((len(rows), int(counts.max())), dtype=torch.int64)
    for place, at in enumerate(rows.tolist()):
        found = of_group[groups[at]]
        choices[place, : len(found)] = torch.from_numpy(found)
    return choices, counts


def _response(table: Table, rows: NDArray[np.int64], name: str | None) -> tuple[Tensor | None, tuple[str, ...]]:
    """Class numbers of the pairs, and the classes, the last of which is that of pairs that nobody measured."""
    if name is None:
        return None, ()
    found = table.columns["response"]
    classes = [*found.levels(), UNLABELLED]
    number = {each: at for at, each in enumerate(classes)}
    texts = found.texts()
    return torch.tensor([number[texts[at] or UNLABELLED] for at in rows.tolist()]), tuple(classes)
