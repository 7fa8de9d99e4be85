"""Exercises: plugins with gaps that a student fills, as `gantk new-plugin --exercise` writes them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One component that is written: with its kind, from the template `<module>.py.j2`.

    Args:
        kind: which `--kind` asks for it.
        name: its name within the plugin; `{plugin}` stands for that of the plugin.
        module: its module, and template.
        attribute: its class or function.
        summary: one line.
        declared_as: its own kind, where another kind asks for it.
    """

    kind: str
    name: str
    module: str
    attribute: str
    summary: str
    declared_as: str = ""


@dataclass(frozen=True)
class Gap:
    """A part that is left open: `raise NotImplementedError("gap …")`.

    Args:
        module: in which module of the package it stands.
        what: what is missing.
    """

    module: str
    what: str


@dataclass(frozen=True)
class Exercise:
    """A plugin with gaps.

    Args:
        name: what `--exercise` says; its tests are written from the template `test_<name>.py.j2`.
        about: one line.
        parts: its components, each in a module called as its kind.
        gaps: what is open, in the order in which it is filled.
    """

    name: str
    about: str
    parts: tuple[Part, ...]
    gaps: tuple[Gap, ...]


CRITIC = Part("critic", "dense", "critic", "DenseCritic", "dense layers, with a gap")

EXERCISES = {
    each.name: each
    for each in (
        Exercise(
            "gan",
            "A GAN (Goodfellow et al. 2014)",
            (
                Part("generator", "dense", "generator_gan", "DenseGenerator", "dense layers, with a gap"),
                CRITIC,
                Part("loss", "gan", "loss_gan", "Gan", "the GAN loss, with gaps"),
            ),
            (
                Gap("generator", "the forward pass of the generator"),
                Gap("critic", "the forward pass of the critic (discriminator)"),
                Gap("loss", "what the critic minimises"),
                Gap("loss", "what the generator minimises"),
            ),
        ),
        Exercise(
            "acgan",
            "AC-GAN, a GAN that is told the class (Odena et al. 2017)",
            (
                Part("generator", "conditional", "generator_acgan", "ConditionalGenerator", "told a class, with a gap"),
                CRITIC,
                Part("loss", "acgan", "loss_acgan", "AuxiliaryClassifier", "AC-GAN, with gaps"),
            ),
            (
                Gap("generator", "the forward pass of the generator, which is told a class"),
                Gap("critic", "the forward pass of the critic (discriminator)"),
                Gap("loss", "the term of the classifier"),
                Gap("loss", "what the critic minimises"),
                Gap("loss", "what the generator minimises"),
            ),
        ),
        Exercise(
            "vae",
            "A VAE, which has an encoder and no critic (Kingma & Welling 2014)",
            (
                Part("generator", "dense", "generator_gan", "DenseGenerator", "dense layers, with a gap"),
                Part("loss", "vae", "loss_vae", "Vae", "the VAE loss, with gaps"),
            ),
            (
                Gap("generator", "the forward pass of the generator, which is the decoder"),
                Gap("loss", "the forward pass of the encoder"),
                Gap("loss", "the draw of the latent z"),
                Gap("loss", "the divergence of q(z|x) from the prior"),
                Gap("loss", "the reconstruction term"),
            ),
        ),
    )
}


def as_notebook(text: str) -> str:
    """A Jupyter notebook (4.5), without outputs, of a script whose cells begin with `# %%` or `# %% [markdown]`."""
    cells = []
    for number, cell in enumerate(re.split(r"^# %%", text, flags=re.M)[1:]):
        first, _, body = cell.partition("\n")
        is_text = first.strip() == "[markdown]"
        source = re.sub(r"^# ?", "", body.rstrip(), flags=re.M) if is_text else body.rstrip()
        made: dict[str, object] = {
            "cell_type": "markdown" if is_text else "code",
            "id": f"cell-{number}",
            "metadata": {},
            "source": source,
        }
        cells.append(made if is_text else made | {"execution_count": None, "outputs": []})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return json.dumps(
        {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}, indent=1
    )
