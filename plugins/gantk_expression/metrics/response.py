"""Metric `response`: which cell lines respond to a drug, told from untreated profiles, beside logistic regression."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk.sampling import evaluating
from gantk_expression.data.pairs import Pairs
from gantk_expression.nets.perturbed import PerturbedDecoder, RespondingDecoder
from gantk_expression.perturbation import response_classes

Rows = NDArray[np.float64]


class Response(Metric):
    """AUROC and AUPR of the response of held-out cell lines, told from their untreated profiles alone.

    Of expression/drvae by its q(y|z₁, z₂) at the means, trained together with the rest; of expression/pertvae in two
    steps, by a logistic regression on z₁ and z₂ - z₁ of the labelled training lines. Beside either stand logistic
    regressions on the untreated profile (`…_profile`) and on its principal components (`…_components`), with L2
    penalty 1 on standardised features. Lines are what is counted: all pairs of a line and drug, at its highest dose,
    are one, with the mean of its features. Of several drugs each has regressions of its own, and numbers are means.

    `reconstruction` is the root mean square error of both profiles of a test pair from what becomes of their latents.

    Args:
        components: principal components of the untreated training profiles.
    """

    samples = 0

    def __init__(self, *, components: Annotated[int, Ge(1)] = 10):
        self.components = components

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`auroc`, `aupr`, those of the rivals, and `reconstruction`.

        Raises:
            DoesNotFit: data without pairs or response, or a generator of another kind.
        """
        generator: Any = inputs.nets.get("generator")
        train, test = inputs.train, inputs.test
        if not isinstance(generator, PerturbedDecoder) or not isinstance(train, Pairs) or not isinstance(test, Pairs):
            raise DoesNotFit(
                "expression/response needs a model of expression/pertvae or expression/drvae and its pairs"
            )
        if len(response_classes(test.spec)) != 2 or test.labels is None:
            raise DoesNotFit("expression/response needs a response of two classes")
        sides = [Lines(generator, data) for data in (train, test)]
        joint = isinstance(generator, RespondingDecoder)
        scores: dict[str, list[tuple[float, float]]] = {}
        prevalence = []
        for drug in np.unique(sides[1].drug):
            known, asked = (side.of(drug) for side in sides)
            known = known & (sides[0].label < 2)
            truth = sides[1].label[asked]
            if len(np.unique(truth)) < 2 or len(np.unique(sides[0].label[known])) < 2:
                continue
            prevalence.append(float(truth.mean()))
            features = {"": "latents", "_profile": "profile", "_components": "profile"}
            for name, kind in features.items():
                first, second = (getattr(side, kind)[rows] for side, rows in zip(sides, (known, asked), strict=True))
                if name == "" and joint:
                    guess = sides[1].probability[asked]
                else:
                    model = self._regression(name, sides[0].profile)
                    guess = _fitted(model, first, sides[0].label[known]).predict_proba(second)[:, 1]
                both = float(roc_auc_score(truth, guess)), float(average_precision_score(truth, guess))
                scores.setdefault(name, []).append(both)
        if not scores:
            raise DoesNotFit(
                "expression/response: of no drug are both responses among the labelled training lines and among the "
                "test lines: hold out more lines, or label more (data.labelled)"
            )
        how = "trained together" if joint else "in two steps"
        lines = len(np.unique(sides[1].line))
        values = {}
        for place, measure in enumerate(("auroc", "aupr")):
            chance = 0.5 if measure == "auroc" else float(np.mean(prevalence))
            for name, found in scores.items():
                said = f"{how}, {lines} lines" if not name else f"logistic regression on the {name[1:]}"
                best = float(np.mean([each[place] for each in found]))
                values[measure + name] = Value(best, None if name else "higher", chance, said + "; beside it chance")
        values["reconstruction"] = Value(reconstruction(generator, test), "lower", note="rms error of both profiles")
        return values

    def _regression(self, name: str, untreated: Rows) -> Pipeline:
        classifier = LogisticRegression(C=1.0, max_iter=2000)
        if name != "_components":
            return make_pipeline(StandardScaler(), classifier)
        count = min(self.components, len(untreated) - 1, untreated.shape[1])
        components = PCA(count, svd_solver="full").fit(untreated)  # of all training lines, labelled or not
        return make_pipeline(Fitted(components), StandardScaler(), classifier)


class Fitted:
    """A fitted transformer that fits nothing anew.

    Args:
        inner: fitted.
    """

    def __init__(self, inner: Any):
        self.inner = inner

    def fit(self, values: Rows, truth: Rows | None = None) -> Fitted:
        """Nothing."""
        return self

    def transform(self, values: Rows) -> Rows:
        """As the inner one does."""
        return self.inner.transform(values)


def _fitted(model: Pipeline, features: Rows, truth: Rows) -> Pipeline:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, truth)


class Lines:
    """What is known of each cell line and drug of a split, at the highest dose.

    Args:
        generator: the model.
        data: the split.
    """

    def __init__(self, generator: PerturbedDecoder, data: Pairs):
        every = torch.arange(len(data))
        batch = data.batch(every, None)
        assert batch.condition is not None and batch.labels is not None
        top = batch.condition[:, -1] == batch.condition[:, -1].max()
        rows = every[top.cpu()]
        condition = batch.condition[top].clone()
        untreated = data.untreated(rows, "mean").to(condition)
        condition[:, : untreated.shape[1]] = untreated
        at = next(generator.parameters()).device
        with evaluating(generator):
            still = torch.zeros((len(rows), *generator.latent_shape), device=at)
            before, after = generator.latents_of(condition.to(at), still)
            responding = isinstance(generator, RespondingDecoder)
            chance = generator.log_response(before, after).exp()[:, 1] if responding else before[:, 0]  # type: ignore[operator]
            latents = torch.cat([before, after - before], 1).double().cpu().numpy()
        line = data.truth["line"][rows].numpy() if "line" in data.truth else np.zeros(len(rows), np.int64)
        drug = condition[:, -2].round().long().cpu().numpy()
        keys, first = np.unique(np.stack([line, drug], 1), axis=0, return_index=True)
        # pairs of one line and drug have the same controls, and so the same features
        self.line, self.drug = keys[:, 0], keys[:, 1]
        self.label = batch.labels[top].cpu().numpy()[first]
        self.latents: Rows = latents[first]
        self.profile: Rows = untreated.double().cpu().numpy()[first]
        self.probability: Rows = chance.double().cpu().numpy()[first]

    def of(self, drug: int) -> NDArray[np.bool_]:
        """Where a drug was given."""
        return self.drug == drug


def reconstruction(generator: PerturbedDecoder, data: Pairs) -> float:
    """Root mean square error of untreated and treated profiles from what is made of the means of their latents.

    Args:
        generator: the model.
        data: pairs.
    """
    batch = data.batch(torch.arange(len(data)), None)
    assert batch.condition is not None
    at = next(generator.parameters()).device
    both = torch.cat([batch.samples, generator.layout.control(batch.condition)]).to(at)
    with evaluating(generator):
        again = generator.generator(generator.posterior(both)[0])
    return float((again - both).square().mean().sqrt())
