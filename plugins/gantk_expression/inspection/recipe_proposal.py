"""The recipe that `gantk inspect` proposes for a table of expression, and what its owner should know."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from gantk_expression.inspection.survey import Annotation, Layer, Survey

LABEL = r"cell_?type|bulk_label|label|annot|cluster|leiden|louvain|class|tissue|disease|condition|^type$"
GROUP = r"donor|patient|subject|individual|animal|mouse|plate|batch|compound|pert_iname|drug|cell_?line|library|lane"
BATCH = r"batch|plate|donor|patient|subject|individual|library|lane|run|chip|site|center|centre|date|experiment"
FEWEST = 5  # groups that a split by groups needs to be of use
MOST_CLASSES = 40
MANY_GENES = 2000
MOST_VALUES = 30  # of a dose, time or treatment


def label_of(found: Survey) -> str | None:
    """The column to take as classes: called like one, with several samples of each."""
    fitting = [
        each for each in found.columns
        if re.search(LABEL, each.name, re.IGNORECASE)
        and not re.search(r"_id$|color|score", each.name, re.IGNORECASE)
        and 2 <= each.levels <= MOST_CLASSES and each.smallest >= 3 and not each.missing and each.explained is not None
    ]  # fmt: skip
    order = LABEL.split("|")

    def rank(each: Annotation) -> int:
        return next(at for at, word in enumerate(order) if re.search(word, each.name, re.IGNORECASE))

    return min(fitting, key=rank).name if fitting else None


def group_of(found: Survey) -> str | None:
    """The column whose entries should stay on one side of the split: donors, plates, compounds."""
    fitting = [
        each for each in found.columns
        if re.search(GROUP, each.name, re.IGNORECASE) and not re.search(r"time|dose|unit|_id$", each.name)
        and FEWEST <= each.levels <= len(found.matrix) // 2 and each.alone < each.levels and not each.missing
    ]  # fmt: skip
    return fitting[0].name if fitting else None


def data_block(found: Survey, given: Mapping[str, Any]) -> dict[str, Any]:
    """The `data` block that reads this file.

    Args:
        found: the survey.
        given: keys that are decided already.
    """
    block: dict[str, Any] = {"use": "expression/table", "path": str(found.path.absolute())}
    if found.chosen.name != "X":
        block["layer"] = found.chosen.name
    if (label := label_of(found)) is not None:
        block["label"] = label
    if (group := group_of(found)) is not None and group != label:
        block["split_by"] = group
    numbers = found.chosen.kind.numbers
    steps = {"counts": ["library_size", "log1p"], "normalised": ["log1p"], "log2": ["standardise"]}.get(numbers, [])
    if steps:
        block["transform"] = steps
    if len(found.matrix.genes) > MANY_GENES:
        choose = "highly_variable" if numbers in ("counts", "normalised", "log1p") else "mean_deviation"
        block |= {"choose": choose, "number": MANY_GENES}
    if found.chosen.missing:
        block["missing"] = "mean"
    return block | dict(given)


def recipe_text(found: Survey, data: Mapping[str, Any]) -> str:
    """A recipe that trains on these data: the single-cell nets where numbers are not negative, else plain ones.

    Args:
        found: the survey.
        data: the block, as it is to be written.
    """
    steps = data.get("transform") or []
    signed = "standardise" in steps or (not steps and found.chosen.kind.numbers == "scaled")
    labelled = data.get("label") is not None
    if labelled and not signed and "unit" not in steps:
        about = "Conditional GAN of single cells (Marouf et al. 2020), sized for a CPU"
        generator = "{use: expression/cscgan, latent: 64, hidden: [64, 128, 256], library_size: false}"
        critic = "{use: expression/cscgan, hidden: [256, 128, 64]}"
    else:
        about = "WGAN-GP of expression profiles, sized for a CPU"
        generator = f"{{use: basics/mlp, latent: 64, hidden: [256, 256], labels: {'concat' if labelled else 'none'}}}"
        critic = f"{{use: basics/mlp, hidden: [256, 256], labels: {'concat' if labelled else 'none'}}}"
    lines = [f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items()]
    rest = f"""\
generator: {generator}
critic: {critic}
loss: {{use: basics/wgan_gp, penalty: 10}}
train: {{steps: 2000, batch: 64, ema: 0.995, sample_every: 500, checkpoint_every: 500}}
evaluate:
  - {{use: expression/genes}}
  - {{use: expression/correlation}}
  - {{use: expression/nearest}}
"""
    head = [
        "# Written by `gantk inspect`. data.label says which column are the classes, data.split_by what must not stand",
        "# on both sides (donor, plate, compound); `gantk show expression/table` lists the rest.",
        f"about: {about}",
        "seed: 0",
        "data:",
    ]
    return "\n".join([*head, *lines, rest])


def advice(found: Survey, data: Mapping[str, Any]) -> list[str]:
    """What the owner of the file should know before training."""
    said = [text for layer in found.layers for text in _of_layer(layer)]
    others = [layer for layer in found.layers if layer.name != found.chosen.name]
    if others:
        names = ", ".join(f"{layer.name} ({layer.kind.numbers})" for layer in others)
        said.append(f"{found.chosen.name} is taken, since it is {found.chosen.kind.numbers}; there is also {names}")
    if found.chosen.missing:
        share = found.chosen.missing / (len(found.matrix) * len(found.matrix.genes))
        said.append(f"{found.chosen.missing:,} numbers are missing ({share:.2%}): data.missing=mean fills them")
    if found.repeated_genes:
        said.append(
            f"{found.repeated_genes:,} genes have the name of an earlier one: data.repeated_genes says what is done"
        )
    if found.equal_samples:
        said.append(f"{found.equal_samples:,} samples equal an earlier one; they stay on one side of the split")
    if len(found.matrix.genes) > len(found.matrix):
        said.append(f"more genes ({len(found.matrix.genes):,}) than samples ({len(found.matrix):,}): expect little")
    if "split_by" not in data and len(found.matrix) > 1:
        said.append("nothing says which samples belong together (donor, plate): they are split at random, by sample")
    said += _of_groups(found, data)
    if found.matrix.origin == "generated":
        said.append("these samples were generated, not measured")
    return said


def _of_layer(layer: Layer) -> list[str]:
    if layer.totals is None:
        return []
    return [
        f"{layer.name}: exp(x) - 1, times {layer.totals} / 10,000, are integers (to {max(layer.apart, 1e-4):.0e} of a "
        f"count): the counts come back with data.layer={layer.name} data.totals={layer.totals} and "
        "'data.transform=[recover_counts, library_size, log1p]'"
    ]


def _of_groups(found: Survey, data: Mapping[str, Any]) -> list[str]:
    said = []
    label = next((each for each in found.columns if each.name == data.get("label")), None)
    for each in found.columns:
        if not re.search(BATCH, each.name, re.IGNORECASE) or each.explained is None or each is label:
            continue
        extra = each.explained - each.chance
        if extra > 0.1:
            beside = "" if label is None or label.explained is None else f" ({label.name}: {label.explained:.0%})"
            said.append(
                f"{each.name} explains {each.explained:.0%} of the variance of ten principal components{beside}, by "
                f"chance {each.chance:.0%}: a batch effect? Tell it to the generator (data.covariates=[{each.name}]), "
                "or train on one"
            )
    for each in found.columns:
        if each.alone and each.explained is not None and not each.numeric:
            said.append(f"{each.name}: {each.alone:,} of {each.levels:,} groups have a single sample, so no replicate")
    return said + _of_pairs(found)


def _of_pairs(found: Survey) -> list[str]:
    """Combinations of a group with a dose, time or treatment that a single sample has."""
    group = group_of(found)
    others = [
        each for each in found.columns
        if re.search(r"dose|time|treat|condition|stim", each.name, re.IGNORECASE) and 2 <= each.levels <= MOST_VALUES
    ]  # fmt: skip
    if group is None or not others:
        return []
    first, second = found.matrix.obs[group].texts(), found.matrix.obs[others[0].name].texts()
    counts = Counter(pair for pair in zip(first, second, strict=True) if all(pair))
    alone = sum(number == 1 for number in counts.values())
    if not alone:
        return []
    return [
        f"{group} × {others[0].name}: {alone:,} of {len(counts):,} combinations have a single sample, so no replicate"
    ]
