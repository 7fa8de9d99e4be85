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

    # Simulated data, single cells, judging and views
    here = "gantk_expression"
    yield Component("dataset", "simulated", f"{here}.data.simulated:Simulated", "cells or bulk of a known network")
    yield Component("generator", "cscgan", f"{here}.nets.cscgan:CscganGenerator", "cells by type (Marouf 2020)")
    yield Component("critic", "cscgan", f"{here}.nets.cscgan:CscganCritic", "cells by type (Marouf 2020)")
    yield Component("view", "heatmap", f"{here}.views.heatmap:Heatmap", "marker genes by samples, real | generated")
    yield Component("view", "scatter", f"{here}.views.scatter:Scatter", "means and log-fold changes by gene")
    yield Component("view", "projection", f"{here}.views.scatter:ProjectionView", "PCA or UMAP fitted on real samples")
