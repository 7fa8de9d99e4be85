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
    yield Component("dataset", "folder", f"{here}.folder:Folder", "images read from disk batch by batch")
    yield Component("metric", "class_agreement", f"{here}.judging:ClassAgreement", "is the class the one asked for?")
    yield Component("view", "class_rows", f"{here}.judging:ClassRows", "a row of samples for each class")


@hookimpl
def gantk_recipes() -> Iterator[str]:
    """Two recipes on the digits."""
    yield "gantk_examples.recipes"
