"""PertVAE and Dr.VAE: what a drug does to an expression profile, and how the cells respond (Rampášek et al. 2019)."""

from __future__ import annotations

from math import log
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gantk.interfaces import Loss, Play
from gantk.spec import DataSpec
from gantk_expression.nets.encoded import check_encoder, flat_latents
from gantk_expression.nets.gaussians import Moments, cast, divergence, drawn, log_density
from gantk_expression.nets.perturbed import PerturbedDecoder, RespondingDecoder
from gantk_expression.nets.transition import Given
from gantk_expression.perturbation import response_classes

NotNegative = Annotated[float, Ge(0)]


class PertVae(Loss):
    """Bound on log p(x₁, x₂) of an untreated and a treated profile, in nats a pair; no critic.

    One encoder q(z|x) and one decoder p(x|z) = N(decoder, diag σ²), with a σ for each gene that is trained, serve both
    profiles, and p(z₂|z₁) = N(z₁ + W z₁ + b, diag σ²(z₁)) is what the drug does. Minimised are -log p(x₁|z₁)
    - log p(x₂|z₂) + KL(q(z₁|x₁) ‖ p) + KL(q(z₂|x₂) ‖ p) + KL(q(z₂|x₂) ‖ p(z₂|z₁)) - .05 log p(x₂|z₂′), with z₁ and z₂
    drawn from their posteriors, z₂′ from p(z₂|z₁), and p = N(0, I). Each divergence of a pair counts as `free_nats` at
    least. The authors' code draws z₂ from q(z₁|x₁) by mistake, and lets the decoder say σ for each profile.

    The sample is x₂; its condition holds x₁, the drug and log₁₀ of the dose. Published: a model for each drug, pairs
    across cell lines, Adam 5e-4, weight decay .05.

    Rampášek et al. 2019, "Dr.VAE: improving drug response prediction via modeling of drug perturbation effects".

    Args:
        encoder: profiles to vectors of twice the latent's length, as a nested `use:` (basics/mlp).
        given: what W and b depend on. nothing: as published; drug: a learnt vector of the drug, and log₁₀ of the dose;
            targets: the drug's target genes and log₁₀ of the dose (the last two: an extension of gantk).
        free_nats: what each of the three divergences of a pair counts at least.
        perturbation: weight of log p(x₂|z₂′).
    """

    name = "expression/pertvae"

    def __init__(
        self,
        *,
        encoder: nn.Module,
        given: Given = "nothing",
        free_nats: NotNegative = 2.0,
        perturbation: NotNegative = 0.05,
    ):
        super().__init__()
        self._given = [encoder]  # in a list, so that it is a submodule of the generator alone
        self.given: Given = given
        self.free_nats = free_nats
        self.perturbation = perturbation

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, None]:
        """The decoder together with the encoder and the transition.

        Raises:
            DoesNotFit: nets or data that it cannot have; the message says what to take.
        """
        latents = flat_latents(generator, critic, spec, self.name)
        assert generator is not None
        made = self._wrapped(generator, spec, latents)
        check_encoder(self._given[0], spec, latents, next(generator.parameters()).device, self.name)
        return made, None

    def _wrapped(self, generator: nn.Module, spec: DataSpec, latents: int) -> PerturbedDecoder:
        return PerturbedDecoder(generator, self._given[0], spec, latents, self.given)

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """The terms in nats a pair, means over the batch."""
        return self._terms(play)[0]

    def _terms(self, play: Play) -> tuple[dict[str, Tensor], tuple[Moments, Tensor, Tensor]]:
        """The terms of PertVAE, q(z₁|x₁), z₁, and z₂′ that is drawn from p(z₂|z₁)."""
        model: Any = play.generator
        condition = play.condition
        assert condition is not None
        precise = torch.promote_types(play.real.dtype, torch.float32)
        control, treated = model.layout.control(condition), play.real

        def noise(purpose: str) -> Tensor:
            return play.normal(play.batch, model.latents, purpose=purpose).to(precise)

        first, second = (cast(model.posterior(profile), precise) for profile in (control, treated))
        before, after = drawn(*first, noise("control")), drawn(*second, noise("treated"))
        moved = cast(model.transition(before, condition), precise)
        predicted = drawn(*moved, noise("transition"))

        def explained(profile: Tensor, latent: Tensor) -> Tensor:
            return log_density(profile.to(precise), model.generator(latent).to(precise), model.log_variance_of_genes)

        terms = {
            "reconstruction_control": -explained(control, before).mean(),
            "reconstruction_treated": -explained(treated, after).mean(),
            "weighted_prediction": -self.perturbation * explained(treated, predicted).mean(),
            **self._priors(first, second),
            "kl_transition": self._at_least(divergence(*second, *moved)).mean(),
        }
        return terms, (first, before, predicted)

    def _priors(self, first: Moments, second: Moments) -> dict[str, Tensor]:
        """Divergences of both posteriors from N(0, I)."""
        return {
            "kl_control": self._at_least(divergence(*first)).mean(),
            "kl_treated": self._at_least(divergence(*second)).mean(),
        }

    def _at_least(self, nats: Tensor) -> Tensor:
        """Divergences of the pairs with the nats that are free."""
        return nats.clamp(min=self.free_nats)

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(5e-4) with weight decay .05, as published."""
        return {"generator_optimizer": {"use": "basics/adam", "lr": 5e-4, "weight_decay": 0.05}}


class DrVae(PertVae):
    """PertVAE with the response y of the cells: the class of a pair, which may be unknown (class `unlabelled`).

    q(y|z₁, z₂′ - z₁) is a linear classifier, z₂′ drawn from p(z₂|z₁), so that the control alone is needed to predict.
    A cause z₃ and y make z₁: p(z₃) p(y) p(z₁|z₃, y), with q(z₃|z₁, y) and an even p(y). In place of both divergences
    from N(0, I) stand K(y) = KL(q(z₃|z₁, y) ‖ N(0, I)) + KL(q(z₁|x₁) ‖ p(z₁|z₃, y)), at the known y, or where y is
    unknown Σ q(y) K(y) + KL(q(y) ‖ p(y)). `response` times -log q(y) of the labelled pairs is added.

    Rampášek et al. 2019.

    Args:
        encoder: profiles to vectors of twice the latent's length, as a nested `use:` (basics/mlp).
        given: what W and b depend on, as of expression/pertvae.
        free_nats: what each divergence of a pair counts at least.
        perturbation: weight of log p(x₂|z₂′).
        response: weight of -log q(y), the mean over the labelled pairs of a batch.
    """

    name = "expression/drvae"

    def __init__(
        self,
        *,
        encoder: nn.Module,
        given: Given = "nothing",
        free_nats: NotNegative = 2.0,
        perturbation: NotNegative = 0.05,
        response: NotNegative = 50.0,
    ):
        super().__init__(encoder=encoder, given=given, free_nats=free_nats, perturbation=perturbation)
        self.response = response

    def _wrapped(self, generator: nn.Module, spec: DataSpec, latents: int) -> PerturbedDecoder:
        classes = len(response_classes(spec))
        return RespondingDecoder(generator, self._given[0], spec, latents, self.given, classes)

    def _priors(self, first: Moments, second: Moments) -> dict[str, Tensor]:
        """None: y and z₃ are the prior of z₁, and z₁ is that of z₂."""
        return {}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """The terms in nats a pair, means over the batch, but for `weighted_response`: over its labelled pairs."""
        terms, (first, before, predicted) = self._terms(play)
        model: Any = play.generator
        assert play.labels is not None
        classes = model.classes_of_response
        guess = model.log_response(before, predicted).to(before)  # (B, classes)
        known = (play.labels < classes).to(before)
        truth = one_hot(play.labels.clamp(max=classes - 1), classes).to(before)
        noise = play.normal(play.batch, model.latents, purpose="cause").to(before)
        costs = []  # K(y) of each y
        for number in range(classes):
            response = one_hot(torch.full_like(play.labels, number), classes).to(before)
            cause = cast(model.cause(before, response), before.dtype)
            prior = cast(model.before(drawn(*cause, noise), response), before.dtype)
            costs.append(self._at_least(divergence(*cause)) + self._at_least(divergence(*first, *prior)))
        cost = torch.stack(costs, 1)  # (B, classes)
        unknown = (guess.exp() * (cost + guess + log(classes))).sum(1)
        labelled = -(truth * guess).sum(1)
        return {
            **terms,
            "kl_cause": (known * (truth * cost).sum(1) + (1 - known) * unknown).mean(),
            "weighted_response": self.response * (known * labelled).sum() / known.sum().clamp(min=1),
        }
