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
