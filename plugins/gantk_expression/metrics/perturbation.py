"""Metric `perturbation`: predicted treated profiles against those that were measured, beside what needs no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from torch import nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value, call, declares
from gantk.sampling import CHUNK, evaluating
from gantk_expression.data.pairs import Pairs
from gantk_expression.nets.perturbed import is_perturbed

Rows = NDArray[np.float64]
RESAMPLES = 1000
AGREEMENT = 0.95  # of pairs of different drugs, beyond which a drug agrees with itself


class Perturbation(Metric):
    """How well the change that a drug brings is predicted, for held-out cell lines, drugs or doses.

    `r` is Pearson's r over genes between the predicted and the measured change from the median of a pair's controls,
    each number of which is cut off beyond ± `clip`; the median over the test pairs. Predicted is from the mean of the
    controls: a median, gene by gene, is no profile of anything. Beside it, with the same score,
    what needs no model: `mean_shift`, the mean change of training pairs (of the same dose where there are some);
    `drug_shift`, that of the same drug and dose; `neighbours`, the mean of the same drug's nearest doses on both
    sides. `above_…` is the difference of the medians, with a 95 % interval by resampling lines and drugs together.

    Names that end in `_active` are of the drugs that do something: of those, the two highest doses in training agree
    better (by r) than 95 % of pairs of different drugs. Where a drug's doses are not in training nobody can say.

    Args:
        clip: in units of the data; of z values 10.
        draws: latents over which predictions are averaged, of a model that has no mean of its own.
    """

    samples = 0

    def __init__(self, *, clip: Annotated[float, Gt(0)] = 10.0, draws: Annotated[int, Ge(1)] = 8):
        self.clip = clip
        self.draws = draws

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`r`, the floors, and what it is above them.

        Raises:
            DoesNotFit: data without pairs, or a generator that is given no control.
        """
        generator: Any = inputs.nets.get("generator")
        if not isinstance(inputs.test, Pairs) or not isinstance(inputs.train, Pairs):
            raise DoesNotFit(
                "expression/perturbation needs pairs of an untreated and a treated profile: take data of "
                "expression/simulated_perturbation or expression/pairs"
            )
        if generator is None or not declares(generator, "condition"):
            raise DoesNotFit(
                "expression/perturbation needs a generator that is given a control: loss expression/pertvae"
            )
        test, train = Changes(inputs.test, self.clip), Changes(inputs.train, self.clip)
        made = predictions(generator, inputs.test, self.draws, inputs.rng).double().numpy()
        found = {"r": correlations(np.clip(made - test.untreated, -self.clip, self.clip), test.change)}
        for name, floor in floors(test, train).items():
            found[name] = correlations(floor, test.change)
        cells = test.cells()
        values = self._values(found, cells, np.ones(len(cells), bool), "", inputs.rng)
        active = train.active_drugs()
        kept = np.isin(test.drug, active)
        if 2 <= len(np.unique(test.drug[kept])) < len(np.unique(test.drug)):
            count = len(np.unique(test.drug[kept]))
            values |= self._values(found, cells, kept, "_active", inputs.rng, f", {count} active drugs")
        change = np.sqrt(((made - test.treated) ** 2).mean())
        nothing = np.sqrt(((test.untreated - test.treated) ** 2).mean())
        values["rmse"] = Value(float(change), "lower", float(nothing), "a number; beside it, if nothing changed")
        return values

    def _values(
        self,
        found: Mapping[str, Rows],
        cells: NDArray[np.int64],
        kept: NDArray[np.bool_],
        ending: str,
        rng: torch.Generator,
        note: str = "",
    ) -> dict[str, Value]:
        """Medians over these pairs, and differences of medians.

        Args:
            found: r of each pair, the model's first.
            cells: which pairs are of one line and drug, which are resampled together.
            kept: the pairs.
            ending: of the names.
            rng: resamples.
            note: said beside the model's own.
        """
        known = {name: each[kept] for name, each in found.items() if np.isfinite(each[kept]).all()}
        if "r" not in known:
            return {}
        numbers = np.random.default_rng(int(torch.randint(2**31, (), generator=rng)))
        rows = resampled(cells[kept], numbers)
        medians = {name: np.array([np.median(each[at]) for at in rows]) for name, each in known.items()}
        best = max((float(np.median(each)) for name, each in known.items() if name != "r"), default=None)
        values = {}
        for name, each in known.items():
            low, high = np.quantile(medians[name], [0.025, 0.975])
            middle = float(np.median(each))
            ends: Any = {"n": len(each), "low": float(low), "high": float(high)}
            if name == "r":
                said = f"median over pairs{note}; beside it the best of what needs no model"
                values[name + ending] = Value(middle, "higher", best, said, **ends)
            else:
                values[name + ending] = Value(middle, None, None, "needs no model", **ends)
        for name in known:
            if name != "r":
                apart = medians["r"] - medians[name]
                low, high = np.quantile(apart, [0.025, 0.975])
                middle = float(np.median(known["r"]) - np.median(known[name]))
                values[f"above_{name}{ending}"] = Value(middle, "higher", 0.0, low=float(low), high=float(high))
        return values


class Changes:
    """The changes that drugs brought in a split, and whose they are.

    Args:
        data: the split.
        clip: beyond which numbers are cut off.
    """

    def __init__(self, data: Pairs, clip: float):
        every = torch.arange(len(data))
        batch = data.batch(every, None)
        assert batch.condition is not None
        self.clip = clip
        self.treated = batch.samples.double().cpu().numpy()
        self.untreated = data.untreated(every).double().cpu().numpy()
        self.change: Rows = np.clip(self.treated - self.untreated, -clip, clip)
        self.drug = batch.condition[:, -2].round().long().cpu().numpy()
        self.dose = batch.condition[:, -1].double().cpu().numpy().round(4)
        self.line = data.truth["line"].numpy() if "line" in data.truth else np.zeros(len(data), np.int64)

    def cells(self) -> NDArray[np.int64]:
        """A number for each line and drug, (N,)."""
        return np.unique(np.stack([self.line, self.drug], 1), axis=0, return_inverse=True)[1].reshape(-1)

    def means(self) -> dict[tuple[int, float], Rows]:
        """The mean change of each drug and dose."""
        keys = sorted({(int(drug), float(dose)) for drug, dose in zip(self.drug, self.dose, strict=True)})
        return {key: self.change[(self.drug == key[0]) & (self.dose == key[1])].mean(0) for key in keys}

    def active_drugs(self) -> list[int]:
        """Drugs whose two highest doses agree better than most pairs of different drugs."""
        means = self.means()
        doses = sorted({dose for _, dose in means})[-2:]
        drugs = [drug for drug in sorted({drug for drug, _ in means}) if all((drug, dose) in means for dose in doses)]
        if len(doses) < 2 or len(drugs) < 3:
            return []
        low, high = (standard(np.stack([means[drug, dose] for drug in drugs])) for dose in doses)
        agreement = low @ high.T
        others = agreement[~np.eye(len(drugs), dtype=bool)]
        beyond = np.diag(agreement) > np.quantile(others, AGREEMENT)
        return [drug for drug, own in zip(drugs, beyond, strict=True) if own]


def floors(test: Changes, train: Changes) -> dict[str, Rows]:
    """Changes that are predicted without a model, (N, G) each; NaN where one has nothing to go by.

    Args:
        test: pairs to be predicted.
        train: what they are predicted from.
    """
    means = train.means()
    nothing = np.full(train.change.shape[1], np.nan)
    whole = train.change.mean(0)
    by_dose = {dose: train.change[train.dose == dose].mean(0) for dose in np.unique(train.dose)}

    def beside(drug: int, dose: float) -> Rows:
        known = [each for other, each in means if other == drug and each != dose]
        near = [max((each for each in known if each < dose), default=None)]
        near += [min((each for each in known if each > dose), default=None)]
        found = [means[drug, each] for each in near if each is not None]
        return np.mean(found, 0) if found else nothing

    keys = [(int(drug), float(dose)) for drug, dose in zip(test.drug, test.dose, strict=True)]
    return {
        "mean_shift": np.stack([by_dose.get(dose, whole) for _, dose in keys]),
        "drug_shift": np.stack([means.get(key, nothing) for key in keys]),
        "neighbours": np.stack([beside(*key) for key in keys]),
    }


def predictions(generator: nn.Module, data: Pairs, draws: int, rng: torch.Generator) -> torch.Tensor:
    """The treated profile that is expected of each pair, given the median of its controls, (N, G), on the CPU.

    Args:
        generator: is given a condition.
        data: pairs.
        draws: latents over which profiles are averaged, where the model has no mean of its own.
        rng: draws latents.
    """
    at = next(generator.parameters()).device
    rows = torch.arange(len(data))
    known = data.batch(rows, None).condition
    assert known is not None
    condition = torch.cat([data.untreated(rows, "mean").to(known), known[:, data.spec.shape[0] :]], 1)
    shape = tuple(generator.latent_shape or (0,))  # type: ignore[arg-type]  # a generator's
    own = is_perturbed(generator)
    count = 1 if own else draws
    total = torch.zeros(len(data), data.spec.shape[0])
    with evaluating(generator):
        for _ in range(count):
            noise = torch.zeros((len(rows), *shape)) if own else torch.randn((len(rows), *shape), generator=rng)
            for start in range(0, len(rows), CHUNK):
                part = slice(start, start + CHUNK)
                made = call(generator, noise[part].to(at), condition=condition[part].to(at))
                total[part] += made.float().cpu() / count
    return total


def standard(values: Rows) -> Rows:
    """Rows with mean 0 and norm 1, so that their products are Pearson's r."""
    centred = values - values.mean(1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)


def correlations(one: Rows, other: Rows) -> Rows:
    """Pearson's r of each row with the same row of another table, (N,); NaN where a row has one."""
    return (standard(one) * standard(other)).sum(1)


def resampled(cells: Sequence[int] | NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Row numbers of resamples, in which rows of one cell stay together.

    Args:
        cells: of each row, (N,).
        rng: draws with replacement.
    """
    groups = [np.flatnonzero(np.asarray(cells) == cell) for cell in np.unique(cells)]
    return [
        np.concatenate([groups[each] for each in rng.integers(len(groups), size=len(groups))]) for _ in range(RESAMPLES)
    ]
