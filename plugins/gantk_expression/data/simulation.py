"""A gene-regulatory network whose truth is known, and the cells or bulk samples that it makes.

Genes stand in three layers. Master regulators, which nothing regulates, are on or off in each cell type; every other
gene has one to four regulators from the layers above it, which activate or repress it by Hill functions of their
expression, as in SERGIO (Dibaeinia & Sinha 2020). In place of their stochastic differential equation the intrinsic
noise of a gene is one gamma variable around its steady state, which goes on to all that the gene regulates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MOST_REGULATORS = 4
HILL = 3.0  # exponent of the Hill functions
BASAL = 0.05  # production of a gene whose regulators do nothing
NOISE = 0.1  # squared coefficient of variation of a gene around its steady state
REPRESSORS = 0.35  # share of regulators that repress
OFF, ON = 0.1, 1.6  # production of a master regulator that is off or on
SPREAD = 0.4  # sd of the natural logarithm of a master regulator among cells of a type
ABUNDANCE = 1.4  # sd of the natural logarithm of how many molecules genes have
CHUNK = 1000  # cells at once
EFFECTS = (1.2, 1.6, 2.0, 2.4, 2.8)  # of the trait on its genes, in log2


@dataclass(frozen=True)
class Network:
    """Which genes regulate which, and how strongly: the truth behind simulated data. G genes, M masters, T types.

    Args:
        names: of the genes: MR1 … (master regulators), TF1 … (regulated regulators), G1 … (targets).
        layers: number of the first gene of each layer, and G.
        regulators: (G, 4), numbers of the regulators of a gene, all in layers above; 0 where it has fewer.
        strengths: (G, 4), what a regulator adds to the production of a gene at most; 0 where there is none.
        represses: (G, 4), whether a regulator represses.
        half: (G,), the expression of a gene at which it acts half on what it regulates.
        programmes: (T, M), production of the master regulators in each cell type.
        abundance: (G,), molecules of a gene in units of its expression.
    """

    names: tuple[str, ...]
    layers: tuple[int, int, int, int]
    regulators: NDArray[np.int64]
    strengths: Floats
    represses: NDArray[np.bool_]
    half: Floats
    programmes: Floats
    abundance: Floats

    @property
    def masters(self) -> int:
        """How many master regulators there are; they are the first genes."""
        return self.layers[1]

    def production(self, expression: Floats, layer: int) -> Floats:
        """Steady states of the genes of a layer, given the layers above: (N, genes of the layer).

        Args:
            expression: (N, G), of which the layers above are known.
            layer: 1 or 2.
        """
        genes = slice(self.layers[layer], self.layers[layer + 1])
        who = self.regulators[genes]  # (g, 4)
        ratio = (expression[:, who] / self.half[who]) ** HILL  # (N, g, 4)
        active = ratio / (1 + ratio)
        acts = np.where(self.represses[genes], 1 - active, active)
        return BASAL + (self.strengths[genes] * acts).sum(2)

    def expression(self, masters: Floats, rng: np.random.Generator | None, factors: Floats | None = None) -> Floats:
        """Expression of all genes: (N, M) productions of the master regulators to (N, G).

        Args:
            masters: production of each master regulator in each cell.
            rng: of the intrinsic noise; None leaves it out.
            factors: what the activity of each gene is multiplied with, (N, G): 0 … 1 where a drug holds it back.
        """
        found = np.zeros((len(masters), len(self.names)), np.float32)
        for layer in range(3):
            genes = slice(self.layers[layer], self.layers[layer + 1])
            steady = masters if layer == 0 else self.production(found, layer)
            if rng is not None:
                steady = steady * (rng.standard_gamma(1 / NOISE, steady.shape, np.float32) * NOISE)
            found[:, genes] = steady if factors is None else steady * factors[:, genes]
        return found


def draw_network(genes: int, types: int, rng: np.random.Generator) -> Network:
    """A random network: an eleventh of the genes regulate others, a third of these are master regulators.

    Args:
        genes: how many, 20 or more.
        types: of cells, which differ in the master regulators that are on.
        rng: draws it.
    """
    masters, regulated = max(4, genes // 33), max(4, genes // 16)
    layers = (0, masters, masters + regulated, genes)
    kinds = (("MR", masters), ("TF", regulated), ("G", genes - masters - regulated))
    regulators = np.zeros((genes, MOST_REGULATORS), np.int64)
    strengths = np.zeros((genes, MOST_REGULATORS), np.float32)
    for gene in range(masters, genes):
        above = masters if gene < layers[2] else layers[2]
        count = int(rng.integers(1, MOST_REGULATORS + 1))
        regulators[gene, :count] = rng.choice(above, count, replace=False)
        strengths[gene, :count] = rng.gamma(2.0, 1.0, count)
    network = Network(
        names=tuple(f"{kind}{number + 1}" for kind, count in kinds for number in range(count)),
        layers=layers,
        regulators=regulators,
        strengths=strengths,
        represses=rng.random(regulators.shape) < REPRESSORS,
        half=np.ones(genes, np.float32),
        programmes=_programmes(types, masters, rng),
        abundance=np.exp(ABUNDANCE * rng.standard_normal(genes)).astype(np.float32),
    )
    found = np.zeros((types, genes), np.float32)
    found[:, :masters] = network.programmes
    for layer in range(3):  # each acts half at its mean over types, which the layer below needs to know
        part = slice(layers[layer], layers[layer + 1])
        if layer:
            found[:, part] = network.production(found, layer)
        network.half[part] = found[:, part].mean(0)
    return network


def _programmes(types: int, masters: int, rng: np.random.Generator) -> Floats:
    """Which master regulators are on in which type: each in at least one, and no two types alike."""
    on = rng.random((types, masters)) < 0.4
    for master in range(masters):
        on[rng.integers(types), master] = True
    for one in range(1, types):
        while any((on[one] != on[other]).sum() < max(1, masters // 4) for other in range(one)):
            flipped = rng.integers(masters)
            on[one, flipped] = ~on[one, flipped]
    return np.where(on, ON, OFF).astype(np.float32)


def type_shares(types: int, rarest: float) -> NDArray[np.float64]:
    """Share of each type, falling by a factor of .65, the last one `rarest`: (types,).

    Args:
        types: how many, 2 or more.
        rarest: of the last one.
    """
    others = 0.65 ** np.arange(types - 1)
    return np.append(others / others.sum() * (1 - rarest), rarest)


def draw_types(count: int, shares: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Types of cells, in shares as near as whole cells can be, in random order: (count,).

    Args:
        count: how many cells.
        shares: of the types, (T,).
        rng: shuffles.
    """
    ends = np.rint(np.cumsum(shares) * count).astype(np.int64)
    return rng.permutation(np.searchsorted(ends, np.arange(count), side="right"))


@dataclass(frozen=True)
class Drawn:
    """Simulated cells or samples, and their truth.

    Args:
        values: (N, G): counts of cells, log2 expression of bulk samples.
        types: (N,).
        truth: facts by name, (N, …) each.
    """

    values: Floats
    types: NDArray[np.int64]
    truth: dict[str, NDArray]


def draw_cells(
    network: Network,
    types: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    depth: float,
    depth_spread: float,
    dropout: float,
) -> Drawn:
    """Counts of single cells: expression, then capture of `depth` molecules, then dropout.

    Args:
        network: whose cells.
        types: of each cell, (N,).
        rng: draws.
        depth: median number of molecules that are counted in a cell.
        depth_spread: sd of its natural logarithm among cells.
        dropout: of a gene with one expected count, the probability to be lost from a cell nevertheless; it falls with
            the logarithm of the expected count (a logistic curve).
    """
    parts, sizes, states = [], [], []
    for start in range(0, len(types), CHUNK):
        chosen = types[start : start + CHUNK]
        on = network.programmes[chosen]
        masters = on * np.exp(SPREAD * rng.standard_normal(on.shape)).astype(np.float32)
        molecules = network.expression(masters, rng) * network.abundance
        size = depth * np.exp(depth_spread * rng.standard_normal(len(chosen)))
        expected = molecules / molecules.sum(1, keepdims=True) * size[:, None]  # (N, G)
        counts = rng.poisson(expected).astype(np.float32)
        if dropout:
            odds = dropout / (1 - dropout) / np.maximum(expected, 1e-6)
            counts[rng.random(counts.shape) < odds / (1 + odds)] = 0
        parts.append(counts)
        sizes.append(size)
        states.append(masters)
    truth = {"depth": np.concatenate(sizes).astype(np.float32), "masters": np.concatenate(states)}
    return Drawn(np.concatenate(parts), types, truth)


def trait_genes(network: Network, rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers of the five genes that carry the trait of bulk samples, targets of middling abundance: (5,), rising.

    Args:
        network: whose genes.
        rng: chooses.
    """
    first = network.layers[2]
    order = first + np.argsort(network.abundance[first:])
    middle = order[len(order) // 4 : max(len(order) * 3 // 4, len(order) // 4 + len(EFFECTS))]
    return np.sort(rng.choice(middle, len(EFFECTS), replace=False))


def draw_bulk(
    network: Network,
    types: NDArray[np.int64],
    rng: np.random.Generator,
    carriers: NDArray[np.int64],
    *,
    spread: float,
    error: float,
) -> Drawn:
    """Log2 expression of bulk samples, log2(1 + molecules per million): a type with a varying part of another one.

    Half of the samples, whatever their type, have the trait: it raises three of its genes and lowers two, by 1.2 to
    2.8 in log2, and nothing else.

    Args:
        network: whose samples.
        types: of each sample, (N,).
        rng: draws.
        carriers: numbers of the genes that carry the trait, (5,).
        spread: sd of the natural logarithm of a master regulator among samples.
        error: sd of the error of measurement, in log2.
    """
    parts, states, traits = [], [], []
    for start in range(0, len(types), CHUNK):
        chosen = types[start : start + CHUNK]
        count = len(chosen)
        share = rng.beta(1.0, 4.0, (count, 1)).astype(np.float32)
        other = network.programmes[rng.integers(len(network.programmes), size=count)]
        on = (1 - share) * network.programmes[chosen] + share * other
        masters = on * np.exp(spread * rng.standard_normal(on.shape)).astype(np.float32)
        molecules = network.expression(masters, rng) * network.abundance
        values = np.log2(1 + 1e6 * molecules / molecules.sum(1, keepdims=True))
        trait = rng.integers(2, size=count)
        values[:, carriers] += np.outer(trait - 0.5, EFFECTS * np.array([1, -1, 1, -1, 1]))
        values += error * rng.standard_normal(values.shape)
        parts.append(np.maximum(values, 0).astype(np.float32))
        states.append(masters)
        traits.append(trait)
    truth = {"trait": np.concatenate(traits), "masters": np.concatenate(states)}
    return Drawn(np.concatenate(parts), types, truth)
