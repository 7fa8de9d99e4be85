"""Simulated treatments: drugs that hold back regulators of a network in many cell lines, and how the lines respond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gantk_expression.data.simulation import Floats, Network

TYPES = 6  # kinds of cell line, whose master regulators differ
HITS = 3  # targets of a drug
DRUGGABLE = 8  # genes that drugs hit, at most
EFFICACY = 0.98  # share of a target's activity that the highest doses take away
WOBBLE = 0.1  # sd of the natural logarithm of a master regulator among profiles of one line
HALF, HALF_SPREAD = 0.6, 0.3  # dose at which half of that is reached, in µM, and sd of its natural logarithm
SURVIVAL = 12  # genes by which the response is judged


@dataclass(frozen=True)
class Trial:
    """Cell lines, drugs, and what is true of them. L lines, D drugs, M master regulators.

    Args:
        network: that all lines share.
        masters: production of the master regulators in each line, (L, M).
        druggable: numbers of the genes that drugs hit, (R,).
        targets: (D, R), 1 where a drug hits a gene.
        half: (D, R), the dose at which it takes away half of what it can, in µM.
        survival: numbers of the genes by which the response is judged, (S,).
    """

    network: Network
    masters: Floats
    druggable: NDArray[np.int64]
    targets: Floats
    half: Floats
    survival: NDArray[np.int64]

    def factors(self, drug: NDArray[np.int64], dose: Floats) -> Floats:
        """What each gene's activity is multiplied with: (N,) drugs and doses to (N, G).

        Args:
            drug: numbers; -1: none.
            dose: in µM.
        """
        found = np.ones((len(drug), len(self.network.names)), np.float32)
        taken = EFFICACY * dose[:, None] / (dose[:, None] + self.half[drug]) * self.targets[drug]
        found[:, self.druggable] = np.where(drug[:, None] < 0, 1, 1 - taken)
        return found

    def expression(
        self, line: NDArray[np.int64], drug: NDArray[np.int64], dose: Floats, rng: np.random.Generator | None
    ) -> Floats:
        """Log2 expression, log2(1 + molecules per million): (N,) lines, drugs and doses to (N, G).

        Args:
            line: numbers.
            drug: numbers; -1: none.
            dose: in µM.
            rng: of how profiles of one line differ in their master regulators; None: they do not.
        """
        masters = self.masters[line]
        if rng is not None:
            masters = masters * np.exp(WOBBLE * rng.standard_normal(masters.shape)).astype(np.float32)
        found = self.network.expression(masters, None, self.factors(drug, dose))
        molecules = found * self.network.abundance
        return np.log2(1 + 1e6 * molecules / molecules.sum(1, keepdims=True)).astype(np.float32)

    def fall(self, dose: float) -> Floats:
        """By how much the survival genes fall in each line under each drug at a dose, without noise: (L, D)."""
        lines, drugs = len(self.masters), len(self.targets)
        line, drug = (each.reshape(-1) for each in np.indices((lines, drugs)))
        given = np.full(len(line), dose, np.float32)
        treated = self.expression(line, drug, given, None)[:, self.survival]
        untreated = self.expression(line, np.full_like(drug, -1), given, None)[:, self.survival]
        return (untreated - treated).mean(1).reshape(lines, drugs)


def draw_trial(network: Network, lines: int, drugs: int, spread: float, rng: np.random.Generator) -> Trial:
    """A random trial: lines of six kinds whose master regulators vary, drugs that share targets.

    Args:
        network: whose lines; made for `TYPES` kinds.
        lines: how many.
        drugs: how many.
        spread: sd of the natural logarithm of a master regulator among the lines of a kind.
        rng: draws.
    """
    kinds = rng.permutation(np.arange(lines) % TYPES)
    masters = network.programmes[kinds]
    masters = masters * np.exp(spread * rng.standard_normal(masters.shape)).astype(np.float32)
    regulators = network.layers[2]
    reach = [(network.regulators == gene)[network.strengths > 0].sum() for gene in range(regulators)]
    druggable = np.sort(np.argsort(reach)[::-1][: min(DRUGGABLE, regulators)])
    targets = np.zeros((drugs, len(druggable)), np.float32)
    for drug in range(drugs):  # the least used first, so that each target is shared
        order = np.lexsort((rng.random(len(druggable)), targets.sum(0)))
        targets[drug, order[: min(HITS, len(order))]] = 1
    half = HALF * np.exp(HALF_SPREAD * rng.standard_normal(targets.shape))
    followers = np.arange(network.layers[2], len(network.names))
    survival = np.sort(rng.choice(followers, min(SURVIVAL, len(followers)), replace=False))
    return Trial(network, masters.astype(np.float32), druggable, targets, half.astype(np.float32), survival)


def respond(trial: Trial, dose: float, noise: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which lines respond to which drug: those whose survival genes fall more than in half of the lines, (L, D).

    Args:
        trial: lines and drugs.
        dose: at which it is measured.
        noise: sd of the error of that measurement, in units of the sd among lines.
        rng: of the error.
    """
    fall = trial.fall(dose)
    spread = fall.std(0, keepdims=True)
    fall = fall + noise * spread * rng.standard_normal(fall.shape)
    return fall > np.median(fall, 0)
