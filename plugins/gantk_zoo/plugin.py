"""What the plugin `zoo` declares. Importing this imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator

from gantk.plugin import Component, hookimpl


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components of the zoo, one paper behind another; each is imported on first use."""
    here = "gantk_zoo"
    yield Component("metric", "anomaly", f"{here}.metrics.anomaly:Anomaly", "AUROC of a class left out (AnoGAN)")


@hookimpl
def gantk_recipes() -> Iterator[str]:
    """One recipe for each system: `gantk run zoo/digits_vae`."""
    yield "gantk_zoo.recipes"
