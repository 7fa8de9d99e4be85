"""What the plugin `motif` declares. Nothing heavy is imported here: targets are imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from gantk.plugin import Component, hookimpl


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components of the toy motif."""
    yield Component("dataset", "strings", "gantk_motif.data:MotifStrings", "random 0/1 strings with a motif planted")
    yield Component("generator", "course", "gantk_motif.nets.course:CourseGenerator", "the NIH course's first GAN")
    yield Component(
        "critic", "course", "gantk_motif.nets.course:CourseCritic", "the NIH course's: one convolution, flat, dense"
    )
    yield Component(
        "generator", "dcgan1d", "gantk_motif.nets.dcgan1d:Dcgan1dGenerator", "a DCGAN in one dimension, soft output"
    )
    yield Component("critic", "dcgan1d", "gantk_motif.nets.dcgan1d:Dcgan1dCritic", "strided convolutions, flat, dense")
    yield Component(
        "generator", "residual", "gantk_motif.nets.residual:ResidualGenerator", "residual, unnormalised, hard output"
    )
    yield Component(
        "generator", "placed", "gantk_motif.nets.placed:PlacedGenerator", "puts learned patterns at chosen places"
    )
    yield Component("critic", "pooled", "gantk_motif.nets.pooled:PooledCritic", "sees where, whether and how much")
    yield Component("metric", "motif_rate", "gantk_motif.metrics:MotifRate", "strings with the motif, and collapse")
    yield Component("format", "text", "gantk_motif.files:StringLines", "0/1 strings, one a line (.txt)")
    yield Component(
        "view", "strings", "gantk_motif.views.strings:StringsView", "picture of 0/1 strings, motifs highlighted"
    )
