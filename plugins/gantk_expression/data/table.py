"""The data set of expression that stands in a file: h5ad, GCT, CSV or TSV, with labels and covariates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Interval

from gantk.interfaces import SPLITS
from gantk_expression.data.genes import Choose, Repeated
from gantk_expression.data.landmarks import Landmarks, with_landmarks
from gantk_expression.data.preparation import Options, prepare
from gantk_expression.data.rows import Profiles, group_of
from gantk_expression.data.samples import Missing
from gantk_expression.files.delimited import GenesIn
from gantk_expression.files.reading import state_of
from gantk_expression.numbers import Numbers
from gantk_expression.transforms import Step

Share = Annotated[float, Interval(ge=0, lt=0.5)]
Groups = int | list[str] | None


class ExpressionTable(Profiles):
    """Expression from a file: AnnData (.h5ad), GCT, CSV or TSV (also .gz); sparse numbers stay sparse in memory.

    Samples without counts, genes that are constant in training, and equal samples that a split by groups would put on
    two sides are left out, and counted.

    Args:
        split: "train", "validation" or "test".
        path: the file; its ending says what it is.
        layer: of an h5ad file: "raw", or the name of a layer; null: X.
        numbers: what the numbers are, where looking at them is wrong.
        genes_in: of a CSV or TSV, where genes stand; auto: by their names and by columns of text.
        obs: a table of annotation of the samples, by their names in its first column.
        gene_names: column of the genes' annotation that names them (pr_gene_symbol); null: as the rows are named.
        transform: steps in their order. recover_counts: counts from log1p of counts per 10,000 and the total of each
            cell; library_size: each sample scaled to one sum over all genes; log1p, log2 of 1 + x; standardise: mean 0
            and sd 1, or unit: 0 to 1, both by gene over the training samples. All are undone where samples are written.
        target: the sum of a sample after library_size; null: the median of the training samples.
        totals: column of the total counts of each cell, for recover_counts.
        genes: names of the genes to take, in this order; null: those that `choose` takes.
        choose: all genes; the `number` most variable ones for their mean (as Seurat and scanpy do), or those with the
            largest mean (Tybalt's code) or median absolute deviation, over the training samples.
        number: how many genes `choose` takes.
        repeated_genes: of genes of one name, the later ones are renamed, all are added or averaged, the first one
            stays, or they are an error.
        missing: of missing numbers: an error; their samples are left out (drop), or they become their gene's mean.
        label: column of class names (cell type).
        covariates: columns that a generator is told as its condition: numbers standardised, texts numbered.
        categorical: those of them whose numbers are names (batch 1, 2, 3).
        condition: genes that a generator is told, to infer the others: {landmarks: 300, seed: 0}, or their names.
        only: samples to take, by an entry of a column: [phase=G1].
        leave_out: samples to leave out, in the same way.
        split_by: column whose entries stay together on one side (donor, plate, compound), or one that says train,
            validation and test; null: by sample, each class in its share, equal samples on one side.
        test_groups: of a split by groups, how many, or which ones, make the test split; null: `test` says how much.
        validation_groups: the same for the validation split.
        train_groups: entries that are always trained on (controls).
        validation: share of the validation split.
        test: share of the test split.
        seed: of the split; the training seed does not change it.

    Raises:
        DataError: the file is missing, damaged, or not as the parameters say.
        DoesNotFit: a transform does not go with the numbers of the file; the message says why, and what to do.
    """

    def __init__(
        self,
        split: str,
        *,
        path: Path,
        layer: str | None = None,
        numbers: Numbers | None = None,
        genes_in: GenesIn = "auto",
        obs: Path | None = None,
        gene_names: str | None = None,
        transform: list[Step] | None = None,
        target: Annotated[float, Gt(0)] | None = 1e4,
        totals: str = "n_counts",
        genes: list[str] | None = None,
        choose: Choose = "all",
        number: Annotated[int, Ge(1)] = 2000,
        repeated_genes: Repeated = "rename",
        missing: Missing = "error",
        label: str | None = None,
        covariates: list[str] | None = None,
        categorical: list[str] | None = None,
        condition: Landmarks | None = None,
        only: list[str] | None = None,
        leave_out: list[str] | None = None,
        split_by: str | None = None,
        test_groups: Annotated[int, Ge(1)] | list[str] | None = None,
        validation_groups: Annotated[int, Ge(1)] | list[str] | None = None,
        train_groups: list[str] | None = None,
        validation: Share = 0.1,
        test: Share = 0.1,
        seed: Annotated[int, Ge(0)] = 0,
    ):
        options = Options(
            path=path,
            state=(state_of(path), None if obs is None else state_of(obs)),
            layer=layer,
            numbers=numbers,
            genes_in=genes_in,
            obs=obs,
            gene_names=gene_names,
            transform=tuple(transform or ()),
            target=target,
            totals=totals,
            genes=tuple(genes or ()),
            choose=choose,
            number=number,
            repeated_genes=repeated_genes,
            missing=missing,
            label=label,
            covariates=tuple(covariates or ()),
            categorical=tuple(categorical or ()),
            only=tuple(only or ()),
            leave_out=tuple(leave_out or ()),
            split_by=split_by,
            test_groups=_hashable(test_groups),
            validation_groups=_hashable(validation_groups),
            train_groups=tuple(train_groups or ()),
            validation=validation,
            test=test,
            seed=seed,
        )
        prepared = prepare(options)
        rows = np.flatnonzero(prepared.sides == SPLITS.index(split))
        spec, values, at, given = with_landmarks(
            prepared.spec, prepared.values, rows, condition, late=prepared.late, condition=prepared.condition
        )
        super().__init__(
            spec,
            values,
            at,
            late=prepared.late,
            labels=None if prepared.labels is None else prepared.labels[rows],
            condition=given,
            truth=group_of(None if split_by is None else prepared.obs[split_by], rows),
            names=[prepared.names[at] for at in rows.tolist()],
            obs={name: each[rows] for name, each in prepared.obs.items()},
        )


def _hashable(groups: Groups) -> int | tuple[str, ...] | None:
    return tuple(groups) if isinstance(groups, list) else groups
