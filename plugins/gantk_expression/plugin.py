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

    # Simulated data, single cells, judging and views
    here = "gantk_expression"
    yield Component("dataset", "simulated", f"{here}.data.simulated:Simulated", "cells or bulk of a known network")
    yield Component("generator", "cscgan", f"{here}.nets.cscgan:CscganGenerator", "cells by type (Marouf 2020)")
    yield Component("critic", "cscgan", f"{here}.nets.cscgan:CscganCritic", "cells by type (Marouf 2020)")
    yield Component("view", "heatmap", f"{here}.views.heatmap:Heatmap", "marker genes by samples, real | generated")
    yield Component("view", "scatter", f"{here}.views.scatter:Scatter", "means and log-fold changes by gene")
    yield Component("view", "projection", f"{here}.views.scatter:ProjectionView", "PCA or UMAP fitted on real samples")
