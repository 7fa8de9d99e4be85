"""What the plugin `expression` declares. Importing this imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator

from gantk.plugin import Component, hookimpl


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components of this plugin; each is imported on first use."""
    # Tables and files
    yield Component(
        "dataset", "table", "gantk_expression.data.table:ExpressionTable", "cells or samples by genes: h5ad, GCT, CSV"
    )

    # GGAN, and the conditional WGAN-GP for bulk
    here = "gantk_expression"
    yield Component("loss", "ggan", f"{here}.losses.ggan:Ggan", "genes from landmark genes (Wang 2018)")
    yield Component("loss", "inference", f"{here}.losses.ggan:Inference", "samples from conditions, no critic")
    yield Component("generator", "ggan", f"{here}.nets.ggan:GganGenerator", "landmark to target genes (Wang 2018)")
    yield Component("critic", "ggan", f"{here}.nets.ggan:GganCritic", "landmark with target genes (Wang 2018)")
    yield Component("metric", "inference", f"{here}.metrics.inference:Inference", "errors beside ridge, kNN, the mean")
    yield Component("generator", "bulk", f"{here}.nets.bulk:BulkGenerator", "profiles of covariates (Viñas 2022)")
    yield Component("critic", "bulk", f"{here}.nets.bulk:BulkCritic", "profiles with covariates (Viñas 2022)")
