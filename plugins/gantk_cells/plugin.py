"""What this plugin declares. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gantk.plugin import Component, hookimpl

COMPONENTS = (
    Component(
        "dataset",
        "lin",
        "gantk_cells.data.lin:Lin",
        "LIN, or any folder of class folders with PNG or TIFF images",
        "gantk_cells.inspection.inspector:ImageInspector",
    ),
    Component(
        "dataset", "stacks", "gantk_cells.data.stacks:Stacks", "complete cells: a TIFF stack of all proteins each"
    ),
    Component(
        "dataset", "simulated", "gantk_cells.data.simulated:Simulated", "simulated fission-yeast cells (not LIN)"
    ),
    Component("dataset", "paired", "gantk_cells.data.paired:Paired", "channels given and wanted, as tiles of fields"),
    Component("dataset", "unpaired", "gantk_cells.data.unpaired:Unpaired", "two domains without pairs, as tiles"),
    Component(
        "dataset", "stainings", "gantk_cells.data.stainings:Stainings", "simulated cells, two stainings, no pairs"
    ),
    Component(
        "generator", "separable", "gantk_cells.nets.separable:SeparableGenerator", "red never sees green's latent"
    ),
    Component(
        "generator", "starshaped", "gantk_cells.nets.starshaped:StarShapedGenerator", "one red tower, K green ones"
    ),
    Component("generator", "independent", "gantk_cells.nets.independent:IndependentGenerator", "one DCGAN a protein"),
    Component(
        "generator",
        "independent_separable",
        "gantk_cells.nets.independent:IndependentSeparableGenerator",
        "one separable DCGAN a protein",
    ),
    Component("generator", "multichannel", "gantk_cells.nets.multichannel:MultichannelGenerator", "red and all greens"),
    Component("critic", "separable", "gantk_cells.nets.separable:SeparableCritic", "one tower on all channels"),
    Component("critic", "per_class", "gantk_cells.nets.starshaped:PerClassCritic", "one critic tower for each protein"),
    Component("metric", "interplay", "gantk_cells.metrics.interplay:Interplay", "two proteins in one generated cell"),
    Component("metric", "probe", "gantk_cells.metrics.probe:Probe", "does a classifier see the right protein?"),
    Component(
        "metric", "dependence", "gantk_cells.metrics.dependence:Dependence", "red-green correlation and red states"
    ),
    Component("metric", "morphology", "gantk_cells.metrics.morphology:Morphology", "sizes, shapes, light and texture"),
    Component(
        "metric", "translation", "gantk_cells.metrics.translation:Translation", "pictures from pictures beside rivals"
    ),
    Component("metric", "objects", "gantk_cells.metrics.objects:Objects", "nuclei found, missed and made up"),
    Component(
        "view", "translations", "gantk_cells.views.translations:Translations", "given, wanted, made, and the error"
    ),
    Component("view", "composite", "gantk_cells.views.composite:Composite", "red/green composites, one row a cell"),
    Component("format", "ome_tiff", "gantk_cells.files.ome_tiff:OmeTiff", "OME-TIFF: named channels, pixel size"),
    Component(
        "format", "picture", "gantk_cells.files.plain_images:Picture", "one image in a PNG, to look at; read only"
    ),
    Component("command", "biogans", "gantk_cells.commands.biogans:biogans", "train, predict, visualize as on Biowulf"),
    Component("command", "crop", "gantk_cells.commands.crop:crop", "cut cells out of fields of view"),
    Component("command", "translate", "gantk_cells.commands.translate:translate", "new fields through a translator"),
    Component(
        "command",
        "simulate_cells",
        "gantk_cells.commands.simulate_cells:simulate_cells",
        "write simulated cells as PNGs",
    ),
)


@hookimpl
def gantk_components() -> Iterable[Component]:
    """The components of this plugin."""
    return COMPONENTS


@hookimpl
def gantk_bibliographies() -> Iterator[str]:
    """The papers that docstrings name, in papers.bib."""
    yield "gantk_cells"
