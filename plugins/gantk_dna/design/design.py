"""Designing sequences: from a design recipe to designs, with the numbers that say how much they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray

from gantk import console, randomness
from gantk.components import Kind, component, parameters
from gantk.data import as_dataset
from gantk.errors import DataError, DoesNotFit, RecipeError
from gantk.interfaces import SPLITS, Dataset, declares, has_member, member
from gantk.sampling import draw
from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES, hard_codes
from gantk_dna.codes import Codes, check_bases, codes_in, first_version
from gantk_dna.design import search
from gantk_dna.design.blocks_inside import in_part
from gantk_dna.design.constraints import Constraints, Rules
from gantk_dna.design.describing import Describer
from gantk_dna.design.folder import DesignFolder
from gantk_dna.design.gan import TrainedGan, model_of
from gantk_dna.design.known import digest_of_data, known_sequences
from gantk_dna.design.predictor_motif import own_motif
from gantk_dna.design.predictors import digest_of_file, load_predictors, write_predictors
from gantk_dna.design.results import Report
from gantk_dna.design.rivals import Rivals
from gantk_dna.design.search import Found, Search, scores_of
from gantk_dna.design.weighted_sum import Aim, Objectives, halves
from gantk_dna.files.motif_files import choose_motifs
from gantk_dna.motifs import Motif


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
        generator_overrides: what to change in the recipe of the GAN: [data.path=FILE, train.steps=2000].
        search: how designs are searched for.
        constraints: what they must be.
        motifs: file of matrices whose hits the report marks, beside the motif that the predictor has learned.
        motif_names: names or identities of those that are marked; null: all in the file.
    """

    about: str = ""
    seed: Annotated[int, Ge(0)] = 0
    data: Annotated[Any, Kind("dataset")]
    held_out_data: Annotated[Any, Kind("dataset")] | None = None
    objectives: list[Annotated[Any, Kind("objective", beside=Aim)]]
    generator: str | None = None
    generator_overrides: list[str] = field(default_factory=list)
    search: Search = field(default_factory=dict)  # type: ignore[assignment]  # JSON-like, as recipes are
    constraints: Constraints = field(default_factory=dict)  # type: ignore[assignment]
    motifs: Path | None = None
    motif_names: list[str] | None = None


def design(values: Mapping[str, Any], folder: DesignFolder, check: Callable[[DataSpec], None] | None = None) -> Report:
    """Carries out a design recipe.

    Args:
        values: as `gantk.recipe.recipe.load_as(DesignBlocks, …)` reads them.
        folder: where GAN and predictors are kept, or are already.
        check: told what designs will be, before anything is learned; it may raise.

    Raises:
        GantkError: data, objectives, generator and constraints do not fit together.
    """
    with torch.random.fork_rng(devices=[]):
        return Designer(values, folder, check).run()


class Designer:
    """One design run: data, objectives, GAN and rules, made ready.

    Args:
        values: as `gantk.recipe.recipe.load_as(DesignBlocks, …)` reads them.
        folder: where GAN and predictors are kept, or are already.
        check: told what designs will be, before anything is learned; it may raise.
    """

    def __init__(
        self, values: Mapping[str, Any], folder: DesignFolder, check: Callable[[DataSpec], None] | None = None
    ):
        self.seed: int = values["seed"]
        self.settings: Search = _block(Search, values["search"])
        self.search_seed: int = self.seed if self.settings.seed is None else self.settings.seed
        if self.settings.method != "activation" and not values["generator"]:
            raise DoesNotFit(
                f"the method {self.settings.method} needs a generator: a run, a checkpoint, or the recipe of a GAN"
            )
        found = {split: as_dataset(component("dataset", values["data"], split=split)) for split in SPLITS}
        self.train, self.test = found["train"], found["test"]
        self.datasets: dict[str, Dataset] = found
        if not len(self.train):
            raise DataError("the training split of the data is empty")
        self.spec: DataSpec = self.train.spec
        check_bases(self.spec)
        if check is not None:
            check(self.spec)
        if not values["objectives"]:
            raise RecipeError("objectives: give one at least: [{use: dna/pwm, file: FILE}]")
        self.rules = Rules(_block(Constraints, values["constraints"]), self.spec.shape[1])
        self.motifs = [] if values["motifs"] is None else choose_motifs(Path(values["motifs"]), values["motif_names"])
        self.folder, self.values = folder, values
        folder.make(values)
        console.say(
            f"GAN, predictors and designs go to {folder.made}; what goes on from there: gantk design {folder.made}"
        )
        folder.check_learned(data=digest_of_data(found))
        self.model: TrainedGan | None = None
        if values["generator"]:
            self.model = model_of(values["generator"], folder.gan, values["generator_overrides"])
        self._check_model()
        self._learn(values)
        predictors = digest_of_file(folder.predictors) if folder.predictors.exists() else None
        folder.check_learned(GAN=None if self.model is None else self.model.digest, predictors=predictors)
        self.digest: str | None = predictors if self.model is None else self.model.digest
        self._check_method()

    def _learn(self, values: Mapping[str, Any]) -> None:
        """The objectives, and the second ones that designs are not optimised for."""
        entries = values["objectives"]
        own, other = halves(self.train, self.seed)
        if values["held_out_data"] is not None:
            own = self.train
            with in_part("held_out_data", "held_out_data.KEY=…"):
                held_out = {
                    split: as_dataset(component("dataset", values["held_out_data"], split=split)) for split in SPLITS
                }
            self.datasets |= {f"held_out_{split}": each for split, each in held_out.items()}
            other = held_out["train"]
            if other.spec.shape != self.spec.shape:
                raise DoesNotFit(f"held_out_data has samples of {other.spec.shape}, data of {self.spec.shape}")
        known = self.folder.predictors.exists()
        console.say(f"the objectives are those of {self.folder.predictors}" if known else "learning the objectives")
        self.score = Objectives(entries, self.seed, spec=self.spec, data=None if known else own)
        self.held_out = None
        if self.score.learned:
            self.held_out = Objectives(entries, self.seed + 1, spec=self.spec, data=None if known else other)
        nets = {f"{name}-{number}": net for name, each in self._objectives() for number, net in each.nets.items()}
        if known:
            load_predictors(self.folder.predictors, nets)
        elif nets:
            write_predictors(self.folder.predictors, nets)
        self.quality = {f"predictor {name}": value for name, value in self.score.quality(self.test).items()}
        if self.held_out is not None:
            test = self.test
            if values["held_out_data"] is not None:
                test = self.datasets["held_out_test"]
            self.quality |= {f"second predictor {name}": each for name, each in self.held_out.quality(test).items()}

    def _objectives(self) -> list[tuple[str, Objectives]]:
        """Those that are optimised, and the second ones where there are any."""
        return [("first", self.score), *([] if self.held_out is None else [("second", self.held_out)])]

    def _check_model(self) -> None:
        if self.model is None:
            return
        generator = self.model.state.sampled()
        if generator is None:
            raise DoesNotFit("the recipe's `generator` names a model without a generator")
        conditional = declares(generator, "labels") and bool(
            member(generator, "classes") if has_member(generator, "classes") else self.spec.classes
        )
        if conditional or declares(generator, "condition"):
            raise DoesNotFit("designs need a generator without labels; train one with conditional: false")
        with torch.no_grad():
            made = draw(generator, self.spec, 2, seed=self.seed).samples
        if tuple(made.shape[1:]) != self.spec.shape:
            raise DoesNotFit(f"the generator makes samples of {tuple(made.shape[1:])}, the data are {self.spec.shape}")

    def _check_method(self) -> None:
        method = self.settings.method
        if method == "feedback" and self.spec.shape[0] != BASES:
            raise DoesNotFit("the method feedback is for sequences without annotation channels")
        if method != "feedback" and not self.score.differentiable:
            raise DoesNotFit(f"the method {method} needs gradients, which an external program has not: use feedback")

    def run(self) -> Report:
        """Designs, baselines, numbers."""
        self.search_folder = self.folder.next_search(self.values)
        settings, channels = self.settings, self.spec.shape[0]
        seed = self.search_seed
        rng, numpy_rng = randomness.generator(seed, "design"), np.random.default_rng(seed)
        known, training = known_sequences(self.datasets), codes_in(self.train)
        describer = Describer(
            self.score,
            self.held_out,
            self.rules,
            known,
            self.test if len(self.test) else self.train,
            None if self.model is None else self.model.state.critic,
            self.seed,
        )
        rivals = Rivals(
            self.score,
            self.rules,
            known,
            training,
            self.score.measured(known.stated),
            designs=settings.designs,
            channels=channels,
        )
        baselines = {**rivals.already_known(), **self._not_optimised()}
        console.say(f"searching: {settings.method}")
        found = self._search(training, rng)
        repaired = self.rules.repair(found.codes, lambda codes: scores_of(codes, self.score, channels), numpy_rng)
        chosen = self._chosen(repaired)
        designs = describer.describe("designs", repaired[chosen])
        designs.soft, designs.candidate = found.soft[chosen], chosen
        designs.latent_norms = None if found.latent_norms is None else found.latent_norms[chosen]
        console.say("rivals: random sequences, mutants and hill climbing")
        baselines |= rivals.made(found.scored, max(1, round(float(designs.distance.mean()))), numpy_rng)
        judged, measured = self.held_out or self.score, self.score.measured(known.scores)
        return Report(
            sets=[designs, *(describer.describe(name, codes) for name, codes in baselines.items())],
            bar=float(scores_of(known.codes, judged, channels).max()),
            training_bar=float(scores_of(training, judged, channels).max()),
            best_measured=None if measured is None else float(measured.max()),
            error=self.held_out.error(self.datasets.get("held_out_test", self.test)) if self.held_out else None,
            quality=self.quality,
            second=self.held_out is not None,
            scored=found.scored,
            digest=self.digest,
            spec=self.spec,
            known=known,
            wanted=settings.designs,
            train=self.train,
            test=self.test,
            seed=seed,
            folder=self.search_folder,
            motifs=self.motifs,
            own_motifs=self._own_motifs(training),
        )

    def _own_motifs(self, training: Codes) -> list[Motif]:
        which = {"first": "predictor", "second": "second predictor"}
        found = (own_motif(which[name], each, self.spec, training, self.seed) for name, each in self._objectives())
        return [each for each in found if each is not None]

    def _search(self, known: Codes, rng: torch.Generator) -> Found:
        if self.settings.method == "activation":
            return search.activation(self.score, self.rules, self.spec, self.settings, rng)
        assert self.model is not None
        generator = self.model.state.sampled()
        assert generator is not None
        if self.settings.method == "joint":
            return search.joint(self.score, self.rules, generator, self.settings, rng)
        found = search.feedback(
            self.score,
            self.rules,
            self.model.state,
            known,
            self.spec,
            self.settings,
            self.model.batch,
            self.search_seed,
        )
        self.digest = self.model.keep(self.search_folder / "gan.h5")
        return found

    def _not_optimised(self) -> dict[str, Codes]:
        """Sequences of the GAN as it is, before feedback changes it."""
        if self.model is None:
            return {}
        generator = self.model.state.sampled()
        assert generator is not None
        made = draw(generator, self.spec, self.settings.designs, seed=self.seed, purpose="not optimised")
        return {"generator, not optimised": hard_codes(made.samples).numpy()}

    def _chosen(self, codes: Codes) -> NDArray[np.int64]:
        """Numbers of the best different candidates that meet every constraint.

        Raises:
            DoesNotFit: there is none.
        """
        _, first = np.unique(first_version(codes, self.train), axis=0, return_index=True)
        meet = first[self.rules.violations(codes[first]) == 0]
        if not len(meet):
            raise DoesNotFit(
                f"none of {len(first):,} different candidates meets every constraint, also after repair; loosen "
                "`constraints`, or give `search.candidates` a larger number"
            )
        wanted = self.settings.designs
        if len(meet) < wanted:
            console.warn(
                f"{len(meet):,} designs instead of {wanted:,}: of {len(codes):,} candidates {len(first):,} are "
                f"different, and {len(meet):,} of them meet every constraint; give `search.candidates` a larger number"
            )
        scores = scores_of(codes[meet], self.score, self.spec.shape[0])
        return meet[np.argsort(-scores, kind="stable")][:wanted]


def _block(kind: type, values: Mapping[str, Any]) -> Any:
    """A block of the recipe as its dataclass."""
    return kind(**{each.name: each.typed(values[each.name]) for each in parameters(kind)})
