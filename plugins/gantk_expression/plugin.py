"""What the plugin `expression` declares. Importing this imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator

from gantk.plugin import Component, hookimpl

DATA, NETS, LOSSES, METRICS = (f"gantk_expression.{each}" for each in ("data", "nets", "losses", "metrics"))


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components of this plugin; each is imported on first use."""
    # Tables and files
    yield Component(
        "dataset",
        "table",
        "gantk_expression.data.table:ExpressionTable",
        "cells or samples by genes: h5ad, GCT, CSV",
        "gantk_expression.inspection.inspector:TableInspector",
    )
    yield Component("format", "h5ad", "gantk_expression.files.formats:H5ad", "AnnData, with labels; opens in scanpy")
    yield Component("format", "gct", "gantk_expression.files.formats:Gct", "GCT 1.3, genes in rows")
    yield Component("format", "csv", "gantk_expression.files.formats:DelimitedTable", "CSV or TSV, samples in rows")

    # Simulated data, single cells, judging and views
    here = "gantk_expression"
    yield Component("dataset", "simulated", f"{here}.data.simulated:Simulated", "cells or bulk of a known network")
    yield Component("generator", "cscgan", f"{here}.nets.cscgan:CscganGenerator", "cells by type (Marouf 2020)")
    yield Component("critic", "cscgan", f"{here}.nets.cscgan:CscganCritic", "cells by type (Marouf 2020)")
    yield Component("view", "heatmap", f"{here}.views.heatmap:Heatmap", "marker genes by samples, real | generated")
    yield Component("view", "scatter", f"{here}.views.scatter:Scatter", "means and log-fold changes by gene")
    yield Component("view", "projection", f"{here}.views.scatter:ProjectionView", "PCA or UMAP fitted on real samples")
    metrics = f"{here}.metrics"
    yield Component("metric", "genes", f"{metrics}.genes:Genes", "means, variances, zeros by gene")
    yield Component("metric", "correlation", f"{metrics}.genes:Correlation", "γ of gene correlations (Viñas 2022)")
    yield Component("metric", "mmd", f"{metrics}.two_samples:Mmd", "maximum mean discrepancy, 50 components")
    yield Component("metric", "forest", f"{metrics}.two_samples:Forest", "does a random forest tell them apart?")
    yield Component("metric", "nearest", f"{metrics}.nearest:NearestTraining", "are training samples repeated?")
    yield Component("metric", "types", f"{metrics}.types:Types", "of the type asked for, by a classifier?")
    yield Component("metric", "markers", f"{metrics}.types:Markers", "log-fold changes of marker genes")
    yield Component("metric", "transfer", f"{metrics}.types:Transfer", "train on synthetic, test on real")

    # Tybalt, PertVAE and Dr.VAE
    yield Component("generator", "tybalt", f"{NETS}.tybalt:TybaltDecoder", "one dense layer and a sigmoid (Way 2018)")
    yield Component("net", "tybalt", f"{NETS}.tybalt:TybaltEncoder", "two dense layers with ReLU (Way 2018)")
    yield Component("loss", "tybalt", f"{LOSSES}.tybalt:Tybalt", "VAE of profiles (Way & Greene 2018)")
    yield Component("loss", "pertvae", f"{LOSSES}.pertvae:PertVae", "what a drug does (Rampášek 2019)")
    yield Component("loss", "drvae", f"{LOSSES}.pertvae:DrVae", "and how cells respond (Rampášek 2019)")
    yield Component(
        "dataset",
        "simulated_perturbation",
        f"{DATA}.perturbation:SimulatedPerturbation",
        "cell lines before and after drugs",
    )
    yield Component("dataset", "pairs", f"{DATA}.treated:TreatedPairs", "treated profiles and controls of a file")
    yield Component(
        "metric", "perturbation", f"{METRICS}.perturbation:Perturbation", "changes predicted, beside floors"
    )
    yield Component("metric", "encoding", f"{METRICS}.encoding:Encoding", "terms of Tybalt, active latents, forests")
    yield Component("metric", "latents", f"{METRICS}.latents:Latents", "what latents go with, and their genes")
    yield Component("metric", "response", f"{METRICS}.response:Response", "which cell lines respond to a drug")

    # GGAN, and the conditional WGAN-GP for bulk
    yield Component("loss", "ggan", f"{here}.losses.ggan:Ggan", "genes from landmark genes (Wang 2018)")
    yield Component("loss", "inference", f"{here}.losses.ggan:Inference", "samples from conditions, no critic")
    yield Component("generator", "ggan", f"{here}.nets.ggan:GganGenerator", "landmark to target genes (Wang 2018)")
    yield Component("critic", "ggan", f"{here}.nets.ggan:GganCritic", "landmark with target genes (Wang 2018)")
    yield Component("metric", "inference", f"{here}.metrics.inference:Inference", "errors beside ridge, kNN, the mean")
    yield Component("generator", "bulk", f"{here}.nets.bulk:BulkGenerator", "profiles of covariates (Viñas 2022)")
    yield Component("critic", "bulk", f"{here}.nets.bulk:BulkCritic", "profiles with covariates (Viñas 2022)")


@hookimpl
def gantk_bibliographies() -> Iterator[str]:
    """The papers that docstrings name, in papers.bib."""
    yield "gantk_expression"
