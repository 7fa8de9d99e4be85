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
    yield Component(
        "loss", "autoencoder", f"{here}.encoders.autoencoder:Autoencoder", "no prior, no critic (Hinton 2006)"
    )
    combined = f"{here}.encoders.cvae_acgan:ConditionalVaeAcGan"
    yield Component("loss", "cvae_acgan", combined, "cVAE and AC-GAN with one decoder")
    yield Component("metric", "strokes", f"{here}.metrics.strokes:Strokes", "blur, width and breaks of strokes")
    yield Component("metric", "features", f"{here}.metrics.features:LinearProbe", "linear probe of learnt features")
    yield Component("metric", "elbo", f"{here}.metrics.elbo:Elbo", "bounds on log p(x) of a VAE, in nats")
    yield Component("loss", "fgan", f"{here}.divergences.fgan:FGan", "any f-divergence (Nowozin 2016)")
    yield Component("loss", "bgan", f"{here}.divergences.bgan:BGan", "the ratio's own divergence (Uehara 2016)")
    yield Component("loss", "bsgan", f"{here}.divergences.bsgan:BsGan", "to the critic's boundary (Hjelm 2018)")
    yield Component("loss", "began", f"{here}.divergences.began:Began", "errors held in balance (Berthelot 2017)")
    yield Component("loss", "ebgan", f"{here}.divergences.ebgan:Ebgan", "energies up to a margin (Zhao 2017)")

    yield Component("critic", "joint", f"{here}.encoders.bigan:JointCritic", "judges samples with their latents")
    yield Component("loss", "bigan", f"{here}.encoders.bigan:BiGan", "an encoder beside it (Donahue 2017)")
    yield Component(
        "metric", "reconstruction", f"{here}.metrics.reconstruction:Reconstruction", "how far G(E(x)) is from x"
    )

    yield Component("loss", "unrolled", f"{here}.games.unrolled:Unrolled", "looks k updates ahead (Metz 2017)")
    yield Component("loss", "catgan", f"{here}.games.catgan:CatGan", "finds K categories (Springenberg 2016)")
    yield Component("metric", "categories", f"{here}.metrics.categories:Categories", "found categories and classes")
    yield Component("generator", "coded", f"{here}.games.infogan:CodedGenerator", "noise, a category, numbers")
    yield Component("loss", "infogan", f"{here}.games.infogan:InfoGan", "codes can be read back (Chen 2016)")
    yield Component(
        "metric", "code_information", f"{here}.metrics.code_information:CodeInformation", "what codes say of classes"
    )
    conditional = "gantk_zoo.conditional"
    yield Component("loss", "acgan", f"{conditional}.acgan:AuxiliaryClassifier", "critic names the class (Odena 2017)")
    semi = f"{conditional}.semi_supervised:SemiSupervised"
    yield Component("loss", "semi_supervised", semi, "K classes and fake (Salimans 2016)")
    yield Component("loss", "icgan", f"{conditional}.icgan:IcGan", "an encoder behind a cGAN (Perarnau 2016)")
    lapgan = f"{conditional}.lapgan"
    yield Component("generator", "pyramid", f"{lapgan}:PyramidGenerator", "an image and its details, size by size")
    yield Component("critic", "pyramid", f"{lapgan}:PyramidCritic", "judges an image at each size")
    yield Component("loss", "lapgan", f"{lapgan}:Lapgan", "a GAN at each size (Denton 2015)")
    yield Component("metric", "few_labels", f"{here}.metrics.few_labels:FewLabels", "what unlabelled samples add")
    yield Component("metric", "anomaly", f"{here}.metrics.anomaly:Anomaly", "AUROC of a class left out (AnoGAN)")


@hookimpl
def gantk_recipes() -> Iterator[str]:
    """One recipe for each system: `gantk run zoo/digits_vae`."""
    yield "gantk_zoo.recipes"


@hookimpl
def gantk_bibliographies() -> Iterator[str]:
    """The papers that docstrings name, in papers.bib."""
    yield "gantk_zoo"
