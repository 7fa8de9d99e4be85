"""What the plugin `dna` declares. Nothing heavy is imported here: targets are imported on first use."""

from __future__ import annotations

from collections.abc import Iterator

from gantk.plugin import Component, hookimpl


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components for nucleotide sequences."""
    yield Component(
        "dataset", "sequences", "gantk_dna.data.sequences:Sequences", "FASTA, lines or a table, with labels"
    )
    yield Component(
        "dataset", "genome", "gantk_dna.data.genome:Genome", "windows of a genome, tiled or around BED intervals"
    )
    yield Component(
        "dataset", "planted", "gantk_dna.data.planted:Planted", "random sequences with a motif; needs no file"
    )
    yield Component(
        "generator", "killoran", "gantk_dna.nets.killoran:KilloranGenerator", "Killoran et al. 2017: residual, softmax"
    )
    yield Component(
        "critic", "killoran", "gantk_dna.nets.killoran:KilloranCritic", "Killoran et al. 2017: residual, flat, dense"
    )
    yield Component(
        "generator",
        "residual",
        "gantk_dna.nets.residual:ResidualGenerator",
        "fast; hard letters, noise at each position",
    )
    yield Component(
        "critic", "pooled", "gantk_dna.nets.pooled:PooledCritic", "fast; what occurs, how often, where; either strand"
    )
    yield Component(
        "format", "fasta", "gantk_dna.files.formats:Fasta", "FASTA, plain or compressed, with notes in its headings"
    )
    yield Component("format", "table", "gantk_dna.files.formats:Table", "CSV or TSV with one sequence a row")
    yield Component("view", "logo", "gantk_dna.views.logo:Logo", "sequence logo, and the sequences in colour")

    yield Component("metric", "kmers", "gantk_dna.metrics.kmers:Kmers", "spectra of 1- to 6-mers, beside Markov floors")
    yield Component(
        "metric", "composition", "gantk_dna.metrics.composition:Composition", "GC; bases and signal by position"
    )
    yield Component(
        "metric", "motif_hits", "gantk_dna.metrics.motif_hits:MotifHits", "rates of JASPAR, MEME, TRANSFAC motifs"
    )
    yield Component(
        "metric", "nearest", "gantk_dna.metrics.nearest:Nearest", "are training sequences copied? (Levenshtein)"
    )
    yield Component(
        "metric", "quality", "gantk_dna.metrics.quality:Quality", "repeats, diversity, homopolymers, bad letters"
    )
    yield Component(
        "metric", "c2st", "gantk_dna.metrics.c2st:C2st", "does a classifier tell generated from real? AUROC"
    )

    yield Component("critic", "predictor", "gantk_dna.nets.predictor:Predictor", "predicts a score from a sequence")
    yield Component("loss", "regression", "gantk_dna.losses:Regression", "trains a predictor; without a generator")
    yield Component("loss", "augmented", "gantk_dna.losses:AugmentedSequences", "for few sequences (Zhao, Karras 2020)")
    yield Component(
        "metric", "prediction", "gantk_dna.metrics.prediction:Prediction", "how well a predictor orders sequences"
    )
    yield Component("objective", "predicted", "gantk_dna.objectives:Predicted", "a score that a net learns from data")
    yield Component("objective", "pwm", "gantk_dna.objectives:Pwm", "the best hit of motifs (JASPAR, MEME, TRANSFAC)")
    yield Component("objective", "command", "gantk_dna.objectives:Command", "what an external program prints")
    yield Component("command", "design", "gantk_dna.commands.design:design", "design sequences for a property")


@hookimpl
def gantk_recipes() -> Iterator[str]:
    """Recipes of `gantk design`."""
    yield "gantk_dna.recipes"


@hookimpl
def gantk_bibliographies() -> Iterator[str]:
    """The papers that docstrings name, in papers.bib."""
    yield "gantk_dna"
