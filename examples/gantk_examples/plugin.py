"""What the plugin `examples` declares."""

from collections.abc import Iterator

from gantk.plugin import Component, hookimpl


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components of this plugin."""
    here = "gantk_examples"
    yield Component("generator", "conditional", f"{here}.acgan:ConditionalGenerator", "samples of a given class")
    yield Component("critic", "shared", f"{here}.acgan:SharedCritic", "features for a score and for classes")
    yield Component("loss", "acgan", f"{here}.acgan:AuxiliaryClassifier", "critic also names the class (Odena 2017)")
    yield Component("loss", "relativistic", f"{here}.r3gan:Relativistic", "pairs, R1 and R2 (Huang 2024)")

    yield Component("dataset", "channel_pairs", f"{here}.paired:ChannelPairs", "one channel given, another wanted")
    yield Component("generator", "translator", f"{here}.pix2pix:Translator", "a small U-Net from picture to picture")
    yield Component("critic", "patches", f"{here}.pix2pix:PatchCritic", "patches beside their condition")
    yield Component("loss", "pix2pix", f"{here}.pix2pix:Pix2Pix", "conditional GAN and L1 (Isola 2017)")

    yield Component("dataset", "negatives", f"{here}.paired:Negatives", "two unpaired domains of one data set")
    yield Component("generator", "both_ways", f"{here}.cyclegan:BothWays", "a net to each of two domains")
    yield Component("critic", "domains", f"{here}.cyclegan:DomainCritics", "a patch critic for each domain")
    yield Component("loss", "cyclegan", f"{here}.cyclegan:CycleGan", "there and back without pairs (Zhu 2017)")

    yield Component("metric", "translation", f"{here}.translations:Translation", "how far from the right picture?")
    yield Component("view", "translations", f"{here}.translations:Translations", "given, made, and right pictures")

    yield Component("dataset", "folder", f"{here}.folder:Folder", "images read from disk batch by batch")
    yield Component("metric", "class_agreement", f"{here}.judging:ClassAgreement", "is the class the one asked for?")
    yield Component("view", "class_rows", f"{here}.judging:ClassRows", "a row of samples for each class")


@hookimpl
def gantk_recipes() -> Iterator[str]:
    """Recipes that run on data which need no download."""
    yield "gantk_examples.recipes"
