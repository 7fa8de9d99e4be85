"""Metric `inference`: predictions from a condition beside the mean, neighbours, ridge and squared error alone."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge, Gt
from gantk_basics.optimizers import AdamW
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk import randomness
from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Metric, MetricInput, Samples, Value, call, declares, draw_latent
from gantk.sampling import render
from gantk_expression.data.rows import GROUP
from gantk_expression.metrics.likeness import gamma, spectrum_distance, variance_share
from gantk_expression.metrics.linear_floors import Floors, fit_floors, mean_absolute_error

Array = NDArray[np.float64]

REDRAWS = 1000


@dataclass(frozen=True, kw_only=True)
class SquaredError:
    """How the same generator is trained on squared error alone.

    Args:
        steps: updates; the best by mean absolute error on a tenth of the training samples is taken, asked 20 times.
        lr: learning rate of AdamW.
        weight_decay: of AdamW.
        batch: samples in an update.
    """

    steps: Annotated[int, Ge(1)] = 1000
    lr: Annotated[float, Gt(0)] = 1e-3
    weight_decay: Annotated[float, Ge(0)] = 0.01
    batch: Annotated[int, Ge(1)] = 64


class Inference(Metric):
    """How well held-out samples are predicted from their condition, and how like real ones predictions are as a set.

    `mae` is the mean of |y - ŷ| over samples and genes, in standard deviations of a gene over the training samples.
    Beside it stand four floors for the same samples: the mean of each gene, nearest neighbours, ridge regression (k and
    α by five folds of the training samples), and the same net trained on squared error alone (`squared_error`).
    `over_ridge` says by how many percent its error is above ridge's, with a 95 % interval over samples (over groups,
    where samples have them: wells of one compound). It says nothing of another split: for that, train on several.

    What is near to the truth on average varies too little (Blau & Michaeli 2018), which `variance_share` (variance of
    predictions / variance of the truth, of all genes together), `spectrum` (Σ |λ - λ'| / Σ λ' of eigenvalues of the
    covariance) and `gamma` (γ(Dx, Dz), Viñas et al. 2022) show; `…_ridge` are those of ridge, the references those of
    as many training samples.

    Args:
        squared_error: how the same net is trained on squared error alone; null: it is not.
        most: held-out samples that take part, at most; and how many a file of predictions is read for.
    """

    def __init__(self, *, squared_error: SquaredError | None = None, most: Annotated[int, Ge(2)] = 2000):
        self.squared_error = squared_error
        self.most = most
        self.samples = most  # of a file; those of a run are predicted here, each held-out sample once
        self._floors: dict[bytes, Floors] = {}  # during training the same samples are asked again and again
        self._alone: nn.Module | None = None

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """Errors, beside floors, and what the predictions are like as a set."""
        if inputs.train.spec.condition_shape is None:
            raise DoesNotFit("expression/inference asks for predictions from a condition, and these data have none")
        train = take(inputs.train, len(inputs.train))
        held_out = take(inputs.test, self.most, inputs.rng)
        if not len(train) or len(held_out) < 2:
            raise DoesNotFit("expression/inference needs training samples, and two or more held-out ones")
        made = _predictions(inputs, held_out)
        scale = _numbers(train.samples).std(0)
        scale[scale < 1e-12] = 1.0
        truth, learnt, made = (_numbers(each) / scale for each in (held_out.samples, train.samples, made))
        seeds = torch.randint(2**31, (3,), generator=inputs.rng).tolist()
        draws, of_floors = (np.random.default_rng(seed) for seed in seeds[:2])
        given = (_numbers(train.condition), learnt, _numbers(held_out.condition))
        floors = self._fitted(*given, of_floors, _groups(train))
        values = self._errors(made, truth, floors, _groups(held_out), draws)
        twin = inputs.nets.get("generator")
        if self.squared_error is not None and twin is not None and declares(twin, "condition"):
            if self._alone is None:
                own = torch.Generator().manual_seed(seeds[2])
                self._alone = _on_squared_error(twin, train, self.squared_error, own)
            alone = _rendered(self._alone, held_out, inputs.rng) / scale
            values["mae_squared_error"] = Value(mean_absolute_error(alone, truth))
            values["variance_share_squared_error"] = Value(variance_share(alone, truth))
        same = learnt[draws.permutation(len(learnt))[: len(truth)]]
        count = min(len(same), len(truth))
        values |= {
            "variance_share": Value(variance_share(made, truth), "near", 1.0, "the truth"),
            "variance_share_ridge": Value(variance_share(floors.ridge, truth)),
            "spectrum": Value(
                spectrum_distance(made, truth), "lower", spectrum_distance(same[:count], truth[:count]), "real training"
            ),
            "spectrum_ridge": Value(spectrum_distance(floors.ridge, truth)),
            "gamma": Value(gamma(made, truth), "higher", gamma(same, truth), "real training"),
            "gamma_ridge": Value(gamma(floors.ridge, truth)),
        }
        n = len(truth)
        return {name: Value(**{**vars(value), "n": n, "n_reference": n}) for name, value in values.items()}

    def _fitted(self, *given: Any) -> Floors:
        """The floors, fitted once for the same samples."""
        key = sha256(b"".join(each.tobytes() for each in given[:3])).digest()
        if key not in self._floors:
            self._floors[key] = fit_floors(*given)
        return self._floors[key]

    @staticmethod
    def _errors(
        made: Array, truth: Array, floors: Floors, groups: NDArray[Any] | None, draws: np.random.Generator
    ) -> dict[str, Value]:
        own, ridge = (np.abs(each - truth).mean(1) for each in (made, floors.ridge))  # (N,)
        over = 100 * (own.sum() / ridge.sum() - 1)
        low, high = _interval(own, ridge, groups, draws)
        return {
            "mae": Value(float(own.mean()), "lower", float(ridge.mean()), f"ridge, α {floors.alpha:.3g}"),
            "over_ridge": Value(float(over), "lower", 0.0, "percent", low=low, high=high),
            "mae_mean": Value(mean_absolute_error(floors.mean, truth)),
            "mae_neighbours": Value(mean_absolute_error(floors.neighbours, truth), note=f"k {floors.k}"),
            "mae_ridge": Value(float(ridge.mean())),
        }


def _numbers(values: Tensor | None) -> Array:
    assert values is not None
    return values.detach().cpu().flatten(1).double().numpy()


def _groups(samples: Batch) -> NDArray[Any] | None:
    found = samples.truth.get(GROUP)
    return None if found is None else found.cpu().numpy()


def _interval(own: Array, ridge: Array, groups: NDArray[Any] | None, draws: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the error's excess over ridge's in percent; samples of a group are drawn together."""
    which = np.arange(len(own)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums = [np.bincount(which, weights=each) for each in (own, ridge)]
    chosen = draws.integers(len(sums[0]), size=(REDRAWS, len(sums[0])))
    found = 100 * (sums[0][chosen].sum(1) / sums[1][chosen].sum(1) - 1)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def _predictions(inputs: MetricInput, held_out: Samples) -> Tensor:
    """What the generator makes of each held-out condition; of a file of samples, those of the same names."""
    generator = inputs.nets.get("generator")
    if generator is not None and declares(generator, "condition"):
        return torch.from_numpy(_rendered(generator, held_out, inputs.rng))
    made = inputs.generated
    if made.names is None or held_out.names is None:
        raise DoesNotFit(
            "expression/inference needs a generator that takes a condition, or predictions that are called as the "
            "held-out samples are"
        )
    at = {name: number for number, name in enumerate(made.names)}
    missing = [name for name in held_out.names if name not in at]
    if missing:
        raise DoesNotFit(f"{len(missing)} held-out samples were not predicted, among them {missing[0]}")
    return made.samples[torch.tensor([at[name] for name in held_out.names])]


def _rendered(generator: nn.Module, like: Samples, rng: torch.Generator) -> Array:
    """Samples of a generator from the conditions of others, (N, T)."""
    at = next(generator.parameters()).device
    latent = draw_latent(generator, len(like), rng)
    labels = like.labels if declares(generator, "labels") else None
    return _numbers(
        render(generator, like.spec, latent, len(like), labels=labels, condition=like.condition, device=at).samples
    )


def _on_squared_error(generator: nn.Module, train: Samples, how: SquaredError, rng: torch.Generator) -> nn.Module:
    """The same net with new weights, trained on squared error; the best of 20 states on a tenth of the samples."""
    at = next(generator.parameters()).device
    net = deepcopy(generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=rng)))
        for module in net.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()  # type: ignore[operator]
        groups = _groups(train)
        which = np.arange(len(train)) if groups is None else np.unique(groups, return_inverse=True)[1]
        kinds = torch.randperm(int(which.max()) + 1)
        out = np.isin(which, kinds[: max(1, len(kinds) // 10)].numpy())
        learn, ask = (torch.from_numpy(np.flatnonzero(rows)) for rows in (~out, out))
        optimizer = AdamW(net.parameters(), lr=how.lr, weight_decay=how.weight_decay)
        best, kept = float("inf"), deepcopy(net.state_dict())
        y, x = train.samples.to(at), train.condition.to(at)  # type: ignore[union-attr]
        for step in range(1, how.steps + 1):
            rows = learn[torch.randint(len(learn), (how.batch,))]
            latent = draw_latent(net, len(rows), randomness.generator(step, "squared error"))
            net.train()
            error = (call(net, None if latent is None else latent.to(at), condition=x[rows]) - y[rows]).square().mean()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            if step % max(1, how.steps // 20) == 0 or step == how.steps:
                asked = float(np.abs(_rendered(net, train[ask], rng) - _numbers(train.samples[ask])).mean())
                if asked < best:
                    best, kept = asked, deepcopy(net.state_dict())
        net.load_state_dict(kept)
    return net
