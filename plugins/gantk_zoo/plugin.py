"""What the plugin `zoo` declares. Importing this imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator

from gantk.plugin import Component, hookimpl


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components of the zoo, one paper behind another; each is imported on first use."""
    here = "gantk_zoo"
    yield Component("loss", "vae", f"{here}.encoders.vae:Vae", "VAE, β-VAE (Kingma 2014, Higgins 2017)")
    yield Component("loss", "cvae", f"{here}.encoders.vae:ConditionalVae", "conditional VAE (Sohn 2015)")
    yield Component("loss", "vaegan", f"{here}.encoders.vaegan:VaeGan", "VAE-GAN (Larsen 2016)")
    yield Component("metric", "features", f"{here}.metrics.features:LinearProbe", "linear probe of learnt features")
    yield Component("metric", "elbo", f"{here}.metrics.elbo:Elbo", "bounds on log p(x) of a VAE, in nats")


@hookimpl
def gantk_recipes() -> Iterator[str]:
    """One recipe for each system: `gantk run zoo/digits_vae`."""
    yield "gantk_zoo.recipes"
