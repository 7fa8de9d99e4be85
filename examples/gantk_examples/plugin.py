"""What the plugin `examples` declares."""

from collections.abc import Iterator

from gantk.plugin import Component, hookimpl


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components of this plugin."""
    here = "gantk_examples"
    yield Component("dataset", "channel_pairs", f"{here}.paired:ChannelPairs", "one channel given, another wanted")
    yield Component("dataset", "negatives", f"{here}.paired:Negatives", "two unpaired domains of one data set")
    yield Component("metric", "translation", f"{here}.translations:Translation", "how far from the right picture?")
    yield Component("view", "translations", f"{here}.translations:Translations", "given, made, and right pictures")

    yield Component("dataset", "folder", f"{here}.folder:Folder", "images read from disk batch by batch")


@hookimpl
def gantk_recipes() -> Iterator[str]:
    """Recipes that run on data which need no download."""
    yield "gantk_examples.recipes"
