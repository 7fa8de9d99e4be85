"""Data set `simulated_perturbation`: cell lines before and after drugs, of a network with known truth."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Interval, Lt
from numpy.typing import NDArray

from gantk import randomness
from gantk.errors import DataError
from gantk_expression.data.pairs import Pairs
from gantk_expression.data.simulation import Floats, draw_network
from gantk_expression.data.treatment import TYPES, Trial, draw_trial, respond
from gantk_expression.perturbation import UNLABELLED
from gantk_expression.profiles import expression_spec
from gantk_expression.transforms import Standardise

DOSES = (0.04, 0.12, 0.37, 1.11, 3.33, 10.0)  # µM, as in LINCS L1000
RESPONSES = ("resistant", "sensitive")


class SimulatedPerturbation(Pairs):
    """Simulated cell lines before and after drugs. Label: whether the line responds. Pairs for expression/pertvae.

    Each drug holds back three of eight regulators of the network of expression/simulated, by up to 98 % with the dose,
    which goes on to all that they regulate; targets are shared among drugs, and are their descriptors. The sample is
    log2(1 + molecules per million) of a treated line, its condition an untreated profile of the same line, the drug,
    and log₁₀ of the dose in µM. Each number is standardised by the untreated profiles of the training lines. A line
    responds to a drug if, at the highest dose, twelve survival genes fall more than in half of the lines.

    The truth, for metrics: `line` (number), `expected`, the treated profile without noise, standardised alike.

    Args:
        split: "train", "validation" or "test".
        genes: how many.
        lines: how many cell lines.
        drugs: how many.
        replicates: how often each line gets each drug at each dose.
        controls: untreated profiles of each line.
        hold_out: what the validation and test splits have for themselves: cell `lines`, or `drugs`.
        held_out: share of them that the test split has; the validation split has half as many.
        labelled: share of the training lines whose response to a drug is known; the rest is of class `unlabelled`.
        spread: sd of the natural logarithm of a master regulator among lines of a kind.
        error: sd of what measurement adds, in log2.
        response_error: sd of the error of the response, in units of its sd among lines.
        seed: another seed gives another network, other lines, drugs and splits.

    Raises:
        DataError: too few lines or drugs to hold some out.
    """

    @staticmethod
    def bytes_needed(*, genes: int, lines: int, drugs: int, replicates: int, controls: int, **_: Any) -> int:
        """Of memory, to make these data with these parameters."""
        return 12 * genes * lines * (drugs * replicates * len(DOSES) + controls)

    def __init__(
        self,
        split: str,
        *,
        genes: Annotated[int, Ge(20)] = 300,
        lines: Annotated[int, Ge(8)] = 40,
        drugs: Annotated[int, Ge(1)] = 12,
        replicates: Annotated[int, Ge(1)] = 2,
        controls: Annotated[int, Ge(2)] = 6,
        hold_out: Literal["lines", "drugs"] = "lines",
        held_out: Annotated[float, Gt(0), Lt(0.6)] = 0.25,
        labelled: Annotated[float, Interval(ge=0, le=1)] = 1.0,
        spread: Annotated[float, Ge(0)] = 0.5,
        error: Annotated[float, Ge(0)] = 0.2,
        response_error: Annotated[float, Ge(0)] = 0.3,
        seed: Annotated[int, Ge(0)] = 0,
    ):
        made = _experiment(genes, lines, drugs, replicates, controls, spread, error, response_error, seed)
        part = _parts({"lines": lines, "drugs": drugs}[hold_out], held_out, hold_out, seed)
        kept = {"lines": made.line, "drugs": made.drug}[hold_out]
        rows = np.flatnonzero(part[kept] == split)
        known_lines = part == "train" if hold_out == "lines" else np.ones(lines, bool)
        labels = made.responds[made.line, made.drug].astype(np.int64)
        if labelled < 1 and split == "train":
            labels = np.where(_labelled(made.responds, known_lines, labelled, seed)[made.line, made.drug], labels, 2)
        reference = made.controls[np.repeat(known_lines, controls)]
        middle, width = reference.mean(0), np.maximum(reference.std(0), 1e-3)

        def scaled(values: Floats) -> torch.Tensor:
            return torch.from_numpy(((values - middle) / width).astype(np.float32))

        network = made.trial.network
        choices = made.line[rows, None] * controls + np.arange(controls)
        step = Standardise(before="log2", mean=torch.from_numpy(middle), sd=torch.from_numpy(width))
        spec = expression_spec(
            network.names,
            "scaled",
            steps=[step],
            classes=(*RESPONSES, UNLABELLED) if labelled < 1 else RESPONSES,
            origin="simulated",
            form="pairs",
            targets=[network.names[gene] for gene in made.trial.druggable],
        )
        super().__init__(
            spec,
            scaled(made.treated[rows]),
            scaled(made.controls),
            torch.from_numpy(choices),
            torch.full((len(rows),), controls),
            torch.from_numpy(made.drug[rows]),
            torch.from_numpy(np.log10(made.dose[rows])),
            drugs=[f"drug {number + 1}" for number in range(drugs)],
            descriptors=made.trial.targets.tolist(),
            labels=torch.from_numpy(labels[rows]),
            truth={"line": torch.from_numpy(made.line[rows]), "expected": scaled(made.expected[rows])},
        )
        self.trial = made.trial


class _Experiment:
    """All profiles of a trial, whatever the split.

    Args:
        trial: lines and drugs.
        replicates: of each line, drug and dose.
        controls: untreated profiles of each line.
        error: sd of what measurement adds.
        response_error: sd of the error of the response.
        rng: draws.
    """

    def __init__(
        self,
        trial: Trial,
        replicates: int,
        controls: int,
        error: float,
        response_error: float,
        rng: np.random.Generator,
    ):
        self.trial = trial
        lines, drugs = len(trial.masters), len(trial.targets)
        line, drug, dose, _ = (each.reshape(-1) for each in np.indices((lines, drugs, len(DOSES), replicates)))
        self.line, self.drug, self.dose = line, drug, np.array(DOSES, np.float32)[dose]

        def measured(values: Floats) -> Floats:
            return (values + error * rng.standard_normal(values.shape)).astype(np.float32)

        self.treated = measured(trial.expression(line, drug, self.dose, rng))
        self.expected = trial.expression(line, drug, self.dose, None)
        own = np.repeat(np.arange(lines), controls)
        nothing = np.full_like(own, -1)
        self.controls = measured(trial.expression(own, nothing, np.zeros(len(own), np.float32), rng))
        self.responds = respond(trial, DOSES[-1], response_error, rng)


@lru_cache(maxsize=2)
def _experiment(
    genes: int,
    lines: int,
    drugs: int,
    replicates: int,
    controls: int,
    spread: float,
    error: float,
    response_error: float,
    seed: int,
) -> _Experiment:
    rng = np.random.default_rng(randomness.derive(seed, "expression/perturbation"))
    trial = draw_trial(draw_network(genes, TYPES, rng), lines, drugs, spread, rng)
    return _Experiment(trial, replicates, controls, error, response_error, rng)


def _parts(count: int, share: float, what: str, seed: int) -> NDArray[np.str_]:
    """The split of each line or drug, (count,)."""
    test = round(count * share)
    validation = max(1, round(count * share / 2))
    if test < 1 or test + validation >= count:
        raise DataError(
            f"data: of {count} {what}, none can be held out for tests and others for training: ask for more"
        )
    order = np.random.default_rng(randomness.derive(seed, "expression/held out")).permutation(count)
    found = np.full(count, "train", dtype="<U10")
    found[order[:test]] = "test"
    found[order[test : test + validation]] = "validation"
    return found


def _labelled(responds: NDArray[np.bool_], training: NDArray[np.bool_], share: float, seed: int) -> NDArray[np.bool_]:
    """Which training lines have a known response to each drug, as many of each class as can be: (L, D)."""
    rng = np.random.default_rng(randomness.derive(seed, "expression/labelled"))
    found = np.zeros_like(responds)
    wanted = round(share * training.sum())
    if share and wanted < 2:
        wanted = 2
    for drug in range(responds.shape[1]):
        lines = rng.permutation(np.flatnonzero(training))
        classes = [lines[responds[lines, drug] == response] for response in (True, False)]
        turns = [each for pair in zip(*classes, strict=False) for each in pair]
        rest = [each for each in lines if each not in turns]
        found[(turns + rest)[:wanted], drug] = True
    return found
