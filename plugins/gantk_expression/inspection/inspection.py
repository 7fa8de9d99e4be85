"""What `gantk inspect` says of an expression file: tables, a picture, and a recipe that runs."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from gantk.interfaces import Inspection, InspectRequest, InspectTable
from gantk.plots import new_figure
from gantk_expression.inspection.recipe_proposal import advice, data_block, recipe_text
from gantk_expression.inspection.survey import Annotation, Survey, survey
from gantk_expression.matrix import row_sums

LAYERS = ("layer", "numbers", "how that was seen", "zeros", "missing")
COLUMNS = ("column", "kind", "entries", "rarest", "missing", "variance", "by chance", "entry")
SHOWN_COLUMNS = 40
COLOURS = 10


def inspect_table(request: InspectRequest) -> Inspection:
    """Looks at a file, and proposes a recipe.

    Args:
        request: the file, and keys of the `data` block.

    Raises:
        DataError: it cannot be read.
    """
    found = survey(request.path, request.data)
    data = data_block(found, request.data)
    matrix = found.matrix
    odd = (found.empty_samples, found.constant_genes, found.equal_samples, found.repeated_genes)
    stored = "sparse" if matrix.is_sparse else "dense"
    sizes = [f"{len(matrix):,}", f"{len(matrix.genes):,}", stored, *(f"{number:,}" for number in odd)]
    title = f"{request.path}: {matrix.origin} samples{', ' if found.how else ''}{found.how}"
    headings = ("samples", "genes", "stored", "without counts", "constant genes", "equal samples", "repeated genes")
    tables = [
        InspectTable(title, headings, [sizes]),
        InspectTable("numbers", LAYERS, [_layer_row(found, at) for at in range(len(found.layers))]),
    ]
    telling = [each for each in found.columns if each.levels > 1]
    if telling:
        text = "annotation of the samples; variance: share of ten principal components that lies between its groups"
        tables.append(InspectTable(text, COLUMNS, [_column_row(each) for each in telling[:SHOWN_COLUMNS]]))
    told = advice(found, data)
    if len(telling) > SHOWN_COLUMNS:
        told.append(f"{len(telling) - SHOWN_COLUMNS} further columns of annotation are not shown: --json has all")
    alike = len(found.columns) - len(telling)
    notes = [f"{alike} columns of annotation are the same in all samples"] if alike else []
    return Inspection(
        recipe_text(found, data),
        data,
        tables=tables,
        advice=told,
        notes=notes,
        picture=picture(found, data.get("label")),
        picture_text="samples by their first two principal components, and totals",
        document=as_document(found),
    )


def _layer_row(found: Survey, at: int) -> list[str]:
    layer = found.layers[at]
    return [layer.name, layer.kind.numbers, layer.kind.why, f"{layer.zeros:.1%}", f"{layer.missing:,}"]


def _column_row(each: Annotation) -> list[str]:
    shares = ["", ""] if each.explained is None else [f"{each.explained:.0%}", f"{each.chance:.0%}"]
    kind = "numbers" if each.numeric else "texts"
    return [each.name, kind, f"{each.levels:,}", f"{each.smallest:,}", f"{each.missing:,}", *shares, each.some[:60]]


def picture(found: Survey, label: str | None) -> Image.Image:
    """Samples by two principal components, coloured by label, beside the totals or means of the samples."""
    figure = new_figure(9, 3.5)
    left, right = figure.subplots(1, 2)
    first, second = found.scores[:, 0], found.scores[:, min(1, found.scores.shape[1] - 1)]
    if label is not None and label in found.matrix.obs:
        texts = np.array(found.matrix.obs[label].texts(), object)
        for at, name in enumerate(found.matrix.obs[label].levels()[:COLOURS]):
            inside = texts == name
            left.scatter(first[inside], second[inside], s=4, color=f"C{at}", label=name[:28])
        left.legend(fontsize=7, markerscale=3, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    else:
        left.scatter(first, second, s=4)
    left.set(xlabel="PC 1", ylabel="PC 2")
    counts = found.chosen.kind.numbers in ("counts", "normalised")
    values = np.nan_to_num(found.matrix.values) if not found.matrix.is_sparse else found.matrix.values
    sums = row_sums(values) if counts else row_sums(values) / values.shape[1]
    right.hist(sums, bins=40)
    right.set(xlabel="sum of a sample" if counts else "mean of a sample", ylabel="samples")
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=110)
    target.seek(0)
    return Image.open(target, formats=["PNG"]).convert("RGB")


def as_document(found: Survey) -> dict[str, object]:
    """What was seen, as JSON values."""
    return {
        "origin": found.matrix.origin,
        "samples": len(found.matrix),
        "genes": len(found.matrix.genes),
        "sparse": found.matrix.is_sparse,
        "samples_without_counts": found.empty_samples,
        "constant_genes": found.constant_genes,
        "equal_samples": found.equal_samples,
        "repeated_genes": found.repeated_genes,
        "layers": [
            {
                "layer": layer.name,
                "numbers": layer.kind.numbers,
                "why": layer.kind.why,
                "zeros": layer.zeros,
                "missing": layer.missing,
                "totals": layer.totals,
            }
            for layer in found.layers
        ],
        "columns": [
            {
                "column": each.name,
                "numeric": each.numeric,
                "entries": each.levels,
                "rarest": each.smallest,
                "single": each.alone,
                "missing": each.missing,
                "explained": each.explained,
                "by_chance": each.chance,
            }
            for each in found.columns
        ],
    }
