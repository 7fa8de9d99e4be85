"""Metric `encoding`: both terms of Tybalt on held-out profiles, its active latents, and where its samples come from."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk.sampling import evaluating, render
from gantk_expression.losses.tybalt import cross_entropy
from gantk_expression.metrics.two_samples import auroc, forest_scores
from gantk_expression.nets.encoded import EncodedDecoder
from gantk_expression.nets.gaussians import divergence, drawn


class Encoding(Metric):
    """What an encoder of expression/tybalt pays and gets, in nats a sample, whatever β it was trained with.

    `reconstruction` is the cross-entropy of held-out profiles from a draw of q(z|x) decoded, less that of the profiles
    from themselves, so that 0 is perfect; `kl` is KL(q(z|x) ‖ N(0, I)). `active_units` are the latents whose mean
    varies by more than `active` (Burda et al. 2016, section 5.2). Beside each stands that of as many training samples.

    `auroc_posterior` and `auroc_prior` say how well a random forest tells held-out profiles from as many generated
    ones, with latents drawn from the posteriors of training samples and from N(0, I): .5 is not at all. Beside them
    stands that of held-out against training profiles.

    Args:
        looked_at: how many samples of a split, at most.
        active: variance of a latent's mean above which it is active.
        trees: of a random forest.
    """

    samples = 0

    def __init__(
        self,
        *,
        looked_at: Annotated[int, Ge(20)] = 500,
        active: Annotated[float, Gt(0)] = 0.01,
        trees: Annotated[int, Ge(10)] = 200,
    ):
        self.looked_at = looked_at
        self.active = active
        self.trees = trees

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`reconstruction`, `kl`, `active_units`, `auroc_posterior`, `auroc_prior`.

        Raises:
            DoesNotFit: a model that expression/tybalt did not train.
        """
        model: Any = inputs.nets.get("generator")
        if not isinstance(model, EncodedDecoder):
            raise DoesNotFit("expression/encoding needs a model that expression/tybalt trained")
        sides = [self._taken(side, inputs.rng) for side in (inputs.test, inputs.train)]
        low, high = inputs.test.spec.range or (0.0, 1.0)
        terms = [self._terms(model, side, low, high, inputs.rng) for side in sides]

        def value(place: int, better: Any, note: str) -> Value:
            own, other = (each[place] for each in terms)
            mean, error = float(own.mean()), float(own.std() / len(own) ** 0.5)
            low, high = mean - 1.96 * error, mean + 1.96 * error
            return Value(mean, better, float(other.mean()), note, n=len(own), low=low, high=high)

        active = [float((each[2].var(0) > self.active).sum()) for each in terms]
        real = sides[0].flatten(1).numpy()
        same = min(len(each) for each in sides)
        chance = self._auroc(real[:same], sides[1].flatten(1).numpy()[:same], inputs.rng)
        at = next(model.parameters()).device
        found = {
            "reconstruction": value(0, "lower", "nats a sample above the best there is; beside it training samples"),
            "kl": value(1, None, "nats a sample, KL(q(z|x) ‖ N(0, I))"),
            "active_units": Value(active[0], None, active[1], f"of {terms[0][2].shape[1]} latents"),
        }
        for source, note in (("posterior", "latents of training samples"), ("prior", "latents from N(0, I)")):
            latents = model.draw_from(source, len(real), inputs.rng)  # type: ignore[arg-type]  # one of the two
            made = render(model, inputs.test.spec, latents, len(latents), device=at).samples.flatten(1).numpy()
            told = self._auroc(made, real, inputs.rng)
            found[f"auroc_{source}"] = Value(told, "lower", chance, f"random forest, {note}", n=len(made))
        return found

    def _taken(self, data: Dataset, rng: torch.Generator) -> Tensor:
        return take(data, min(self.looked_at, len(data)), rng).samples.cpu()

    def _terms(
        self, model: EncodedDecoder, samples: Tensor, low: float, high: float, rng: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Excess cross-entropy and divergence of each sample, (N,) each, and means of its latents, (N, L)."""
        at = next(model.parameters()).device
        with evaluating(model):
            mean, log_variance = (each.cpu() for each in model.posterior(samples.to(at)))
            noise = torch.randn(mean.shape, generator=rng)
            made = model(drawn(mean, log_variance, noise).to(at)).cpu()
        shares, again = ((each - low) / (high - low) for each in (samples, made))
        return cross_entropy(shares, again) - cross_entropy(shares, shares), divergence(mean, log_variance), mean

    def _auroc(self, made: NDArray[Any], real: NDArray[Any], rng: torch.Generator) -> float:
        """AUROC of a random forest on components that tells made from real, cross-validated."""
        seed = int(torch.randint(2**31, (), generator=rng))
        return auroc(*forest_scores(made, real, self.trees, "components", seed))
