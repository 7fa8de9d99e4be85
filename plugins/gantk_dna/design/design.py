"""Designing sequences: from a design recipe to designs, with the numbers that say how much they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor

from gantk import console, randomness
from gantk.components import Kind, component, parameters
from gantk.data import as_dataset
from gantk.errors import DataError, DoesNotFit, RecipeError
from gantk.interfaces import SPLITS, call, declares
from gantk.sampling import draw
from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES, decode, hard_codes
from gantk_dna.codes import Codes, base_shares, check_bases, codes_in, random_part
from gantk_dna.design import search
from gantk_dna.design.constraints import Constraints, Rules
from gantk_dna.design.gan import TrainedGan, model_of
from gantk_dna.design.results import Designed, Report
from gantk_dna.design.search import Found, Search, scores_of
from gantk_dna.design.weighted_sum import Aim, Objectives, halves, weighted
from gantk_dna.metrics.nearest import nearest

MOST_RANDOM = 20_000
"""Random sequences that are scored for a baseline, at most."""


@dataclass(frozen=True, kw_only=True)
class DesignBlocks:
    """One design.

    Args:
        about: what is designed, in a sentence.
        seed: where all randomness comes from.
        data: known sequences (with scores, for an objective that learns them): designs are compared with these.
        held_out_data: what the second predictor learns, which designs are not optimised for; null: half of `data`,
            and the first one learns the other half.
        objectives: what designs are to have much of; of several, the weighted sum.
        generator: a run, a checkpoint, or the recipe of a GAN, which is then trained first; null: none is needed for
            the method `activation`.
        search: how designs are searched for.
        constraints: what they must be.
    """

    about: str = ""
    seed: Annotated[int, Ge(0)] = 0
    data: Annotated[Any, Kind("dataset")]
    held_out_data: Annotated[Any, Kind("dataset")] | None = None
    objectives: list[Annotated[Any, Kind("objective", beside=Aim)]]
    generator: str | None = None
    search: Search = field(default_factory=dict)  # type: ignore[assignment]  # JSON-like, as recipes are
    constraints: Constraints = field(default_factory=dict)  # type: ignore[assignment]


def design(values: Mapping[str, Any]) -> Report:
    """Carries out a design recipe.

    Args:
        values: as `gantk.recipe.recipe.load_as(DesignBlocks, …)` reads them.

    Raises:
        GantkError: data, objectives, generator and constraints do not fit together.
    """
    with torch.random.fork_rng(devices=[]):
        return Designer(values).run()


class Designer:
    """One design run: data, objectives, GAN and rules, made ready.

    Args:
        values: as `gantk.recipe.recipe.load_as(DesignBlocks, …)` reads them.
    """

    def __init__(self, values: Mapping[str, Any]):
        self.seed: int = values["seed"]
        self.settings: Search = _block(Search, values["search"])
        found = {split: as_dataset(component("dataset", values["data"], split=split)) for split in SPLITS}
        self.train, self.test = found["train"], found["test"]
        if not len(self.train):
            raise DataError("the training split of the data is empty")
        self.spec: DataSpec = self.train.spec
        check_bases(self.spec)
        if not values["objectives"]:
            raise RecipeError("objectives: give one at least: [{use: dna/pwm, file: FILE}]")
        self.rules = Rules(_block(Constraints, values["constraints"]), self.spec.shape[1])
        self.model: TrainedGan | None = model_of(values["generator"]) if values["generator"] else None
        self.critic = None if self.model is None else deepcopy(self.model.state.critic).eval().requires_grad_(False)
        self._check_model()
        self._learn(values)
        self.digest = self.score.digest if self.model is None else self.model.digest
        self._check_method()

    def _learn(self, values: Mapping[str, Any]) -> None:
        """The objectives, and the second ones that designs are not optimised for."""
        entries = values["objectives"]
        own, other = halves(self.train, self.seed)
        if values["held_out_data"] is not None:
            own = self.train
            other = as_dataset(component("dataset", values["held_out_data"], split="train"))
            if other.spec.shape != self.spec.shape:
                raise DoesNotFit(f"held_out_data has samples of {other.spec.shape}, data of {self.spec.shape}")
        console.say("learning the objectives")
        self.score = Objectives(entries, self.seed, spec=self.spec, data=own)
        self.held_out = Objectives(entries, self.seed + 1, spec=self.spec, data=other) if self.score.learned else None
        self.quality = {f"predictor {name}": value for name, value in self.score.quality(self.test).items()}
        if self.held_out is not None:
            test = self.test
            if values["held_out_data"] is not None:
                test = as_dataset(component("dataset", values["held_out_data"], split="test"))
            self.quality |= {f"second predictor {name}": each for name, each in self.held_out.quality(test).items()}

    def _check_model(self) -> None:
        if self.model is None:
            return
        generator = self.model.state.sampled()
        if generator is None:
            raise DoesNotFit("the recipe's `generator` names a model without a generator")
        conditional = declares(generator, "labels") and bool(getattr(generator, "classes", self.spec.classes))
        if conditional or declares(generator, "condition"):
            raise DoesNotFit("designs need a generator without labels; train one with conditional: false")
        with torch.no_grad():
            made = draw(generator, self.spec, 2, seed=self.seed).samples
        if tuple(made.shape[1:]) != self.spec.shape:
            raise DoesNotFit(f"the generator makes samples of {tuple(made.shape[1:])}, the data are {self.spec.shape}")

    def _check_method(self) -> None:
        method = self.settings.method
        if method != "activation" and self.model is None:
            raise DoesNotFit(f"the method {method} needs a generator: a run, a checkpoint, or the recipe of a GAN")
        if method == "feedback" and self.spec.shape[0] != BASES:
            raise DoesNotFit("the method feedback is for sequences without annotation channels")
        if method != "feedback" and not self.score.differentiable:
            raise DoesNotFit(f"the method {method} needs gradients, which an external program has not: use feedback")

    def run(self) -> Report:
        """Designs, baselines, numbers."""
        settings, channels = self.settings, self.spec.shape[0]
        rng, numpy_rng = randomness.generator(self.seed, "design"), np.random.default_rng(self.seed)
        known = codes_in(self.train)
        baselines = self._baselines_before(known)
        console.say(f"searching: {settings.method}")
        found = self._search(known, rng)
        repaired = self.rules.repair(found.codes, lambda codes: scores_of(codes, self.score, channels), numpy_rng)
        chosen = self._chosen(repaired, known)
        console.say("baselines: random sequences and hill climbing")
        shares = base_shares(known).mean(1)
        n = min(found.scored, MOST_RANDOM)
        baselines["random, best"] = self._top(self.rules.random(n, shares, numpy_rng))
        start = self.rules.random(settings.designs, shares, numpy_rng)
        baselines["hill climb"] = search.climb(start, self.score, self.rules, found.scored, numpy_rng, channels)
        designs = self._described("designs", repaired[chosen], known)
        designs.soft, designs.candidate = found.soft[chosen], chosen
        designs.latent_norms = None if found.latent_norms is None else found.latent_norms[chosen]
        measured = self._measured()
        judged = self.held_out or self.score
        return Report(
            sets=[designs, *(self._described(name, codes, known) for name, codes in baselines.items())],
            bar=float(scores_of(known, judged, channels).max()),
            best_measured=measured,
            quality=self.quality,
            second=self.held_out is not None,
            scored=found.scored,
            digest=self.digest,
            spec=self.spec,
        )

    def _measured(self) -> float | None:
        """The best score in the data by the recipe's goal, where its only objective predicts these scores."""
        scores = self.train.batch(torch.arange(len(self.train)), None).truth.get("score")
        if scores is None or len(self.score.terms) != 1 or not self.score.learned:
            return None
        _, goal, weight = self.score.terms[0]
        return float(weighted(scores.float(), goal, weight).max())

    def _search(self, known: Codes, rng: torch.Generator) -> Found:
        if self.settings.method == "activation":
            return search.activation(self.score, self.rules, self.spec, self.settings, rng)
        assert self.model is not None
        generator = self.model.state.sampled()
        assert generator is not None
        if self.settings.method == "joint":
            return search.joint(self.score, self.rules, generator, self.settings, rng)
        return search.feedback(
            self.score, self.rules, self.model.state, known, self.spec, self.settings, self.model.batch, self.seed
        )

    def _baselines_before(self, known: Codes) -> dict[str, Codes]:
        """Baselines that need the GAN as it is before feedback changes it."""
        baselines = {"known, best": self._top(known)}
        if self.model is not None:
            generator = self.model.state.sampled()
            assert generator is not None
            made = draw(generator, self.spec, self.settings.designs, seed=self.seed, purpose="not optimised")
            baselines["generator, not optimised"] = hard_codes(made.samples).numpy()
        return baselines

    def _top(self, codes: Codes) -> Codes:
        return codes[np.argsort(-scores_of(codes, self.score, self.spec.shape[0]), kind="stable")][
            : self.settings.designs
        ]

    def _chosen(self, codes: Codes, known: Codes) -> NDArray[np.int64]:
        """Numbers of the best different candidates: those first that meet every constraint."""
        _, first = np.unique(codes, axis=0, return_index=True)
        scores = scores_of(codes[first], self.score, self.spec.shape[0])
        return first[np.lexsort((-scores, self.rules.violations(codes[first])))][: self.settings.designs]

    def _described(self, name: str, codes: Codes, known: Codes) -> Designed:
        channels = self.spec.shape[0]
        score = scores_of(codes, self.score, channels)
        distance, place = nearest(decode(codes), decode(known))
        return Designed(
            name=name,
            codes=codes,
            score=score,
            held_out=score if self.held_out is None else scores_of(codes, self.held_out, channels),
            distance=distance,
            nearest=place,
            plausibility=self._plausibility(codes),
            meets=self.rules.violations(codes) == 0,
        )

    def _plausibility(self, codes: Codes) -> NDArray[np.float64] | None:
        """Share of held-out real sequences that the critic scores lower."""
        if self.critic is None:
            return None

        def criticised(samples: Tensor) -> Tensor:
            assert self.critic is not None
            return call(self.critic, samples)

        channels = self.spec.shape[0]
        some = codes_in(self.test if len(self.test) else self.train)
        some = random_part(some, 2000, randomness.generator(self.seed, "plausibility"))
        real = np.sort(scores_of(some, criticised, channels))
        return np.searchsorted(real, scores_of(codes, criticised, channels)) / len(real)


def _block(kind: type, values: Mapping[str, Any]) -> Any:
    """A block of the recipe as its dataclass."""
    return kind(**{each.name: each.typed(values[each.name]) for each in parameters(kind)})
