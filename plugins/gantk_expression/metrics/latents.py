"""Metric `latents`: what the latents of an encoder stand for: annotation, genes, and what moves along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA
from torch import Tensor, nn

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value, call_encode, has_member, takes_encoded_labels
from gantk.sampling import CHUNK, evaluating
from gantk_expression.metrics.annotation import Annotation, Association, association, columns_of

Rows = NDArray[np.float64]
ENDS = (0.05, 0.95)  # quantiles between which a traversal goes
STEPS = 9


@dataclass(frozen=True)
class Found:
    """What a latent says of one column.

    Args:
        column: of annotation.
        latents: how strongly each latent goes with it.
        components: the same of principal components.
    """

    column: Annotation
    latents: Association
    components: Association


@dataclass(frozen=True)
class Traversal:
    """What a latent does to the genes.

    Args:
        latent: its number, from 0.
        weights: of the decoder, (G,): by how much its output, before a sigmoid, changes with the latent.
        steps: values of the latent, from the 5 % to the 95 % quantile, (S,).
        profiles: decoded, the other latents at their medians, (S, G).
    """

    latent: int
    weights: Rows
    steps: Rows
    profiles: Rows

    @property
    def heaviest(self) -> NDArray[np.int64]:
        """Genes by the size of their weights, the largest first."""
        return np.argsort(-np.abs(self.weights), kind="stable")

    @property
    def movers(self) -> NDArray[np.int64]:
        """Genes by how much they move, the most first."""
        return np.argsort(-np.ptp(self.profiles, axis=0), kind="stable")


class Latents(Metric):
    """What each latent of an encoder goes with: AUROC of two classes, Spearman's correlation with a number.

    For each column of annotation (labels, columns of the file, facts of simulated data) the number is that of the
    latent that goes with it most strongly, beside the same of as many principal components of the training samples.
    `p` is corrected for the number of latents. An AUROC below .5 is turned round. Of the latents of the strongest
    columns, a figure shows their values by class, the decoder's weights with the genes in their tails, and the genes
    that move most from the 5 % to the 95 % quantile of the latent; a table has the names.

    Encoder and components have seen no annotation, so training samples are looked at together with the others.
    After Way & Greene 2018, figure 3.

    Args:
        shown: latents in the figure, those of the strongest columns, of several classes of one column the strongest.
        genes: names in the tables.
        columns: how many columns are told, the strongest.
    """

    samples = 0

    def __init__(
        self,
        *,
        shown: Annotated[int, Ge(1)] = 3,
        genes: Annotated[int, Ge(1)] = 10,
        columns: Annotated[int, Ge(1)] = 12,
    ):
        self.shown = shown
        self.genes = genes
        self.columns = columns
        self.found: list[Found] = []
        self.traversals: dict[int, Traversal] = {}
        self._coded: Rows = np.zeros((0, 0))
        self._components: Rows = np.zeros((0, 0))

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """The best latent of each column; and `latents_with_annotation`, how many go with one (p < .05).

        Raises:
            DoesNotFit: a model without an encoder, or data of which nothing is known.
        """
        generator: Any = inputs.nets.get("generator")
        if generator is None or not has_member(generator, "encode") or takes_encoded_labels(generator):
            raise DoesNotFit(
                "expression/latents needs a model with an encoder that is told no classes: expression/tybalt"
            )
        sides = (inputs.train, inputs.test)
        profiles = [take(side, len(side)).samples.flatten(1).cpu() for side in sides]
        values = torch.cat(profiles)
        self._coded = encoded(generator, values, inputs.test.spec.shape)
        count = min(self._coded.shape[1], len(profiles[0]) - 1, values.shape[1])
        analysis = PCA(count, svd_solver="full").fit(profiles[0].double().numpy())
        self._components = analysis.transform(values.double().numpy())
        columns = joined([columns_of(side) for side in sides])
        if not columns:
            raise DoesNotFit("expression/latents needs something that is known of the samples: data.label=COLUMN")
        found = [Found(each, association(self._coded, each), association(self._components, each)) for each in columns]
        found.sort(key=lambda each: (each.latents.p.min(), -each.latents.strength.max()))
        self.found = found[: self.columns]
        self.traversals = {}
        for each in apart(self.found):
            if len(self.traversals) < self.shown and each.latents.best not in self.traversals:
                self.traversals[each.latents.best] = traversal(generator, self._coded, each.latents.best)
        with_annotation = np.stack([each.latents.p for each in found]).min(0) * len(found) < 0.05
        also = np.stack([each.components.p for each in found]).min(0) * len(found) < 0.05
        told = {"latents_with_annotation": Value(
            float(with_annotation.sum()), None, float(also.sum()), f"of {len(with_annotation)}; beside it components"
        )}  # fmt: skip
        return {**{each.column.name: _value(each) for each in self.found}, **told}

    def pictures(self, inputs: MetricInput) -> Mapping[str, Image.Image]:
        """`latents`, the figure, and `genes`, the table."""
        from gantk_expression.metrics.latent_figure import draw_latents, draw_table

        names = inputs.test.spec.names.get("gene", tuple(map(str, range(self._coded.shape[1]))))
        shown = [each for each in apart(self.found) if each.latents.best in self.traversals]
        first = {each.latents.best: each for each in reversed(shown)}  # the column that each was chosen for
        rows = [(first[latent], each) for latent, each in self.traversals.items()]
        return {
            "latents": draw_latents(rows, self._coded, self._components, names),
            "genes": draw_table(rows, names, self.genes),
        }


def apart(found: Sequence[Found]) -> list[Found]:
    """The strongest of each column of words first (of all types one), then the others, in their order."""
    first: dict[str, Found] = {}
    for each in found:
        first.setdefault(each.column.name.partition(":")[0], each)
    return [*first.values(), *(each for each in found if all(each is not other for other in first.values()))]


def _value(found: Found) -> Value:
    best, other = found.latents.best, found.components.best
    measure = "AUROC" if found.column.kind == "two classes" else "correlation"
    note = (
        f"{measure}, latent {best + 1}, p {found.latents.p[best]:.1g}; beside it component {other + 1}, "
        f"p {found.components.p[other]:.1g}"
    )
    return Value(
        float(found.latents.strength[best]),
        None,
        float(found.components.strength[other]),
        note,
        n=len(found.column.values),
    )


def joined(sides: list[list[Annotation]]) -> list[Annotation]:
    """The columns that all splits have, one split behind the other."""
    known = [{each.name: each for each in side} for side in sides]
    return [
        Annotation(name, np.concatenate([side[name].values for side in known]), first.kind)
        for name, first in known[0].items()
        if all(name in side and side[name].kind == first.kind for side in known)
    ]


def encoded(generator: nn.Module, samples: Tensor, shape: tuple[int, ...]) -> Rows:
    """Latents of samples (N, G), flat: (N, L)."""
    at = next(generator.parameters()).device
    with evaluating(generator):
        parts = [
            call_encode(generator, samples[start : start + CHUNK].reshape(-1, *shape).to(at)).flatten(1).double().cpu()
            for start in range(0, len(samples), CHUNK)
        ]
    return torch.cat(parts).numpy()


def traversal(generator: nn.Module, coded: Rows, latent: int) -> Traversal:
    """Weights and decoded profiles along one latent, the others at their medians.

    Where the decoder is one layer its weights are those of that layer; of others, what a small step of the latent
    changes, at the medians.

    Args:
        generator: the model.
        coded: latents of samples, (N, L).
        latent: number from 0.
    """
    weight = getattr(getattr(getattr(generator, "generator", None), "layer", None), "weight", None)
    low, high = np.quantile(coded[:, latent], ENDS)
    if low == high:  # a ReLU that is seldom open
        low, high = coded[:, latent].min(), coded[:, latent].max()
    steps = np.linspace(low, high, STEPS)
    at = next(generator.parameters())
    latents = torch.from_numpy(np.median(coded, 0)).to(at).repeat(STEPS, 1)
    latents[:, latent] = torch.from_numpy(steps).to(at)
    shape: Any = generator.latent_shape
    with evaluating(generator):
        made = generator(latents.reshape(-1, *shape)).flatten(1).double().cpu().numpy()
    if weight is not None and weight.shape[1] == coded.shape[1]:
        weights = weight[:, latent].detach().double().cpu().numpy()
    else:
        weights = (made[-1] - made[0]) / max(high - low, 1e-12)
    return Traversal(latent, weights, steps, made)
