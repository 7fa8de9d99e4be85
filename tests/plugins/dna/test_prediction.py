"""What is said of predictors: better than chance, no better, or nothing can be known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import sequence_spec
from gantk_dna.data.onehot import OneHot
from gantk_dna.metrics.prediction import Prediction, agreement
from gantk_dna.nets.predictor import Predictor
from gantk_dna.objectives import Predicted
from scipy.stats import spearmanr
from torch import Tensor, nn

from gantk.errors import DataError
from gantk.interfaces import MetricInput, Samples


class CountOfA(nn.Module):
    """Says how often A stands in a sequence, times `slope`."""

    def __init__(self, slope: float):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, samples: Tensor) -> Tensor:
        return self.slope * samples[:, 0].sum(1)


def data(n: int, scores: str, seed: int = 0) -> OneHot:
    """Random sequences with scores that are their count of A ("a"), noise, or all equal; labels in the same way."""
    rng = np.random.default_rng(seed)
    codes = torch.from_numpy(rng.integers(0, 4, (n, 24), dtype=np.uint8))
    found = {"a": (codes == 0).sum(1).float(), "noise": torch.from_numpy(rng.random(n, np.float32)), "equal": None}
    score = torch.ones(n) if found[scores] is None else found[scores]
    middle = torch.zeros(n) if n == 0 else (score - score.median())
    return OneHot(sequence_spec(24), codes, truth={"score": score}, labels=(middle > 0).long())


CASES = {
    "right": (1.0, 400, "a", "", False),
    "turned over": (-1.0, 400, "a", "no better than chance", True),
    "noise": (1.0, 400, "noise", "no better than chance", True),
    "constant scores": (1.0, 400, "equal", "are equal: nothing is known", True),
    "constant predictions": (0.0, 400, "a", "it says the same of all 400 held-out sequences", True),
    "few": (1.0, 9, "a", "only 9 held-out sequences, fewer than 10", True),
    "none": (1.0, 0, "a", "only 0 held-out sequences", True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("by", ["score", "label"])
def test_a_predictor_that_knows_nothing_is_said(
    case: tuple[float, int, str, str, bool], by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    slope, n, scores, words, doubted = case
    held_out = data(n, scores)
    found = agreement(CountOfA(slope), held_out, by)
    assert words in found.doubt and bool(found.doubt) == doubted
    objective = Predicted(sequence_spec(24), net=CountOfA(slope), loss="class" if by == "label" else "squared")  # type: ignore[arg-type]
    assert objective.quality(held_out) == dict(found.values)
    assert ("not to be believed" in capsys.readouterr().err) == doubted
    metric, nothing = Prediction(by=by), Samples(samples=torch.zeros(0, 4, 24), spec=sequence_spec(24))  # type: ignore[arg-type]
    nets = {"critic": CountOfA(slope)}
    values = metric.compute(MetricInput(nothing, data(50, "a"), held_out, torch.Generator(), nets))
    assert words in metric.summary(values)
    assert next(iter(values.values())).n_reference == n


def test_the_interval_holds_chance_nineteen_times_in_twenty() -> None:
    """Of predictors that know nothing, 2.5 % seem better than chance."""
    wrong = sum(not agreement(CountOfA(1.0), data(60, "noise", seed)).doubt for seed in range(400))
    assert wrong <= 20
    found = agreement(CountOfA(1.0), data(300, "a"))
    assert found.values["spearman"] == pytest.approx(spearmanr(range(9), range(9)).statistic)


@pytest.mark.parametrize("loss", ["squared", "ordinal", "class"])
def test_scores_that_are_all_equal_are_refused_before_anything_is_learned(loss: str) -> None:
    net = Predictor(sequence_spec(24), width=2, kernel=3, hidden=2)
    with pytest.raises(DataError, match=r"of the 40 training sequences are equal.*data\.(score|label)"):
        Predicted(sequence_spec(24), data(40, "equal"), net=net, loss=loss, steps=1)  # type: ignore[arg-type]
