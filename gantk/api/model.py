"""A model loaded from a checkpoint, to sample and to evaluate from Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk import randomness, sampling
from gantk.api.encode import encode, read_for
from gantk.api.samples import Drawn
from gantk.api.sampling_options import Condition, conditions_of, labels_for, samples_of_seeds
from gantk.data import take
from gantk.errors import DoesNotFit, GantkError, RecipeError
from gantk.evaluation import evaluate
from gantk.evaluation.evaluate import JUDGED_BY, left_out
from gantk.evaluation.results import Evaluation, build_metrics, metric_entry
from gantk.files import run_folder
from gantk.interfaces import Dataset, Samples, declares
from gantk.interfaces.optional_members import has_member, member
from gantk.machine import find_device
from gantk.recipe.overrides import as_text, refuse_others
from gantk.recipe.recipe import recipe_from_text
from gantk.training import checkpoint, from_recipe
from gantk.training.generator_file import read_any
from gantk.training.training_log import training_log
from gantk.translation.translates import Translates


class Model(Translates):
    """A model loaded from a checkpoint, ready to sample; neither the data nor the run folder is needed.

    Args:
        path: a checkpoint file, or a run folder (its best checkpoint where there is one, else its newest).
        device: "auto", "cpu", "cuda" or "mps".
        optimizers: whether the optimisers are restored too, to train on.

    Raises:
        GantkError: no such file, damaged, or made with a plugin that is not installed.
    """

    def __init__(self, path: str | Path, device: str = "auto", *, optimizers: bool = False):
        self.checkpoint = read_any(run_folder.checkpoint_of(Path(path)))
        self.spec = self.checkpoint.spec
        checkpoint.refuse_missing_plugins(self.checkpoint.recipe, self.checkpoint.plugins, self.checkpoint.path)
        self.recipe = recipe_from_text(self.checkpoint.recipe, name=self.checkpoint.path.stem)
        self.device = find_device(device)
        self.state = from_recipe.initial_state(self.recipe.values, self.spec, self.device)
        checkpoint.restore(self.checkpoint, self.state, optimizers=optimizers)
        self.spec = self.spec.shown_by(self.recipe.values["view"])

    @property
    def generator(self) -> nn.Module:
        """The net that samples come from: the moving average where the recipe keeps one.

        Raises:
            GantkError: only a critic was trained.
        """
        generator = self.state.sampled()
        if generator is None:
            raise GantkError(f"{self.checkpoint.path}: has no generator to sample from")
        return generator

    @property
    def critic(self) -> nn.Module:
        """The critic as it was at this step.

        Raises:
            GantkError: the file holds a generator alone, or there never was a critic.
        """
        if self.checkpoint.generator_alone:
            raise GantkError(f"{self.checkpoint.path}: holds a generator alone, and this needs its critic, too")
        if self.state.critic is None:
            raise GantkError(f"{self.checkpoint.path}: was trained without a critic (critic: null)")
        return self.state.critic

    @property
    def critic_if_any(self) -> nn.Module | None:
        """The critic, or None where the file holds a generator alone, or there never was one."""
        return None if self.checkpoint.generator_alone else self.state.critic

    def sample(
        self,
        n: int | None = None,
        *,
        seed: int = 0,
        reject: int = 1,
        label: str | None = None,
        raw: bool = False,
        condition: Condition | None = None,
        settings: Mapping[str, Any] | None = None,
        units: Sequence[str] = (),
        truncation: float | None = None,
    ) -> Drawn:
        """n generated samples.

        Args:
            n: how many; None: one of each condition.
            seed: of the latents, and of the choice of conditions.
            reject: draw this many times as many and keep those that the critic ranks highest.
            label: the class of all of them, for a generator that takes labels; None: every class in turn.
            raw: as the critic saw them; otherwise as the generator presents them (a star-shaped net: a stack a cell).
            condition: (N, *spec.condition_shape), samples or a file, given in turn to a generator that takes a
                condition; None: those of test samples, at random.
            settings: parameters of sampling, and of the condition, that the generator declares.
            units: names of the units that samples shall have; none: all.
            truncation: numbers of a latent farther from 0 than this are drawn again (Brock et al. 2019); None: none.

        Raises:
            DoesNotFit: what is asked for does not fit this generator.
        """
        given = conditions_of(self.generator, self.spec, condition, settings or {})
        n = given.count(n)
        if n < 1 or reject < 1:
            raise GantkError(f"n and reject are numbers from 1, and here they are {n} and {reject}")
        if reject > 1 and self.state.critic is None:
            raise DoesNotFit(
                "there is no critic that could rank samples, since this model was trained without one (critic: null): "
                "leave out --reject (in Python: reject=1)"
            )
        labels = labels_for(self.generator, self.spec, range(n * reject), label)
        own: dict[str, Any] = {"seed": seed, "settings": given.settings, "truncation": truncation}
        own["device"] = self.device
        if given.values is not None and reject > 1:
            raise DoesNotFit("the critic would keep the best of all, whatever their condition: reject must be 1")
        if declares(self.generator, "condition") and given.values is None:
            if label is not None:
                raise DoesNotFit(
                    "samples of this generator have the class of the test sample that they are made from: give no label"
                )
            drawn = sampling.draw_like(self.generator, self.data["test"], n * reject, purpose="sample", **own)
        else:
            own["condition"] = given.in_turn(range(n))
            drawn = sampling.draw(self.generator, self.spec, n * reject, labels=labels, **own)
            drawn = replace(drawn, names=given.names_in_turn(n))
        if reject > 1:
            drawn = sampling.best_of(drawn, self.critic, n, device=self.device)
        drawn.attributes |= {"model": self.checkpoint.digest, "step": self.checkpoint.step, "reject": reject}
        if units:
            drawn = sampling.pick_units(self.generator, drawn, units)
        return Drawn.of(drawn if raw else sampling.present(self.generator, drawn))

    def sample_seeds(self, seeds: Sequence[int], **options: Any) -> Drawn:
        """A sample of each seed, from the latent of `sample(1, seed=seed)`, whatever is drawn beside it.

        Labels go by the seed, too, where none is given: of ten classes, seed 23 draws the fourth.

        Args:
            seeds: one or more whole numbers from 0.
            options: label, raw, condition, settings, units and truncation, as for `sample`.
        """
        return samples_of_seeds(self, seeds, **options)

    def sample_parts(
        self,
        n: int | None,
        *,
        seed: int = 0,
        label: str | None = None,
        raw: bool = False,
        condition: Condition | None = None,
        settings: Mapping[str, Any] | None = None,
        units: Sequence[str] = (),
        truncation: float | None = None,
    ) -> Iterator[Drawn]:
        """The samples of `sample`, one part after another: they need not all fit into the memory.

        All at once where they are taken from a condition, or where the generator presents them in another form.

        Args:
            n: how many.
            seed: of the latents.
            label: as for `sample`.
            raw: as for `sample`.
            condition: as for `sample`.
            settings: as for `sample`.
            units: as for `sample`.
            truncation: as for `sample`.
        """
        whole = declares(self.generator, "condition") or (not raw and has_member(self.generator, "present"))
        if n is None or whole or n < 1 or settings or units or condition is not None:
            given: dict[str, Any] = {"seed": seed, "label": label, "raw": raw, "condition": condition}
            yield self.sample(n, settings=settings, units=units, truncation=truncation, **given)
            return
        labels = labels_for(self.generator, self.spec, range(n), label)
        own: dict[str, Any] = {"seed": seed, "labels": labels, "truncation": truncation}
        for drawn in sampling.draw_parts(self.generator, self.spec, n, device=self.device, **own):
            drawn.attributes |= {"model": self.checkpoint.digest, "step": self.checkpoint.step, "reject": 1}
            yield Drawn.of(drawn)

    def render(
        self,
        latents: Tensor | NDArray[np.floating[Any]],
        *,
        label: str | None = None,
        labels: Tensor | None = None,
        raw: bool = False,
        condition: Condition | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Drawn:
        """What the generator makes of these latents: of a path between two cells, say.

        Args:
            latents: (N, *latent_shape).
            label: the class of all of them, for a generator that takes labels; None: every class in turn.
            labels: the class of each instead, (N,), numbers into `spec.classes`.
            raw: as for `sample`.
            condition: as for `sample`, which a generator that takes a condition needs here.
            settings: as for `sample`.

        Raises:
            DoesNotFit: latents of another shape, no such class, or a generator that needs more than latents.
        """
        latents, shape = torch.as_tensor(latents, dtype=torch.float32), member(self.generator, "latent_shape")
        if shape is None or tuple(latents.shape[1:]) != tuple(shape):
            wanted = "none" if shape is None else " × ".join(map(str, ("N", *shape)))
            raise DoesNotFit(f"this generator takes latents of shape {wanted}, and these are {tuple(latents.shape)}")
        given = conditions_of(self.generator, self.spec, condition, settings or {})
        if declares(self.generator, "condition") and given.values is None:
            raise DoesNotFit("this generator makes samples from a condition, not from latents alone: give one, too")
        drawn = sampling.render(
            self.generator,
            self.spec,
            latents,
            len(latents),
            labels=labels_for(self.generator, self.spec, range(len(latents)), label if labels is None else labels),
            condition=given.in_turn(range(len(latents))),
            settings=given.settings,
            device=self.device,
        )
        drawn.attributes |= {"model": self.checkpoint.digest, "step": self.checkpoint.step}
        return Drawn.of(drawn if raw else sampling.present(self.generator, drawn))

    def encode(self, samples: Samples | Tensor | str | Path, *, label: str | None = None) -> Tensor:
        """The latents that the encoder finds for samples, (N, *latent_shape): `render` makes samples of them again.

        Args:
            samples: as `real` gives them or a file holds them; the file; or a tensor (N, *spec.shape), within
                `spec.range`.
            label: the class of all of them, for an encoder that is told classes; None: the labels of the samples.

        Raises:
            DoesNotFit: a generator without an encoder, samples of another shape, or no labels where they are needed.
        """
        known = read_for(Path(samples), self.spec) if isinstance(samples, str | Path) else samples
        return encode(self.generator, self.spec, known, label, self.device)

    @cached_property
    def data(self) -> dict[str, Dataset]:
        """The splits "train", "validation" and "test" of the recipe's data.

        Raises:
            DataError: they are no longer where the recipe says; `evaluate(overrides={"data.root": …})` says where.
        """
        return from_recipe.datasets(self.recipe.values)

    def real(self, n: int, *, split: str = "test", seed: int = 0) -> Drawn:
        """Up to n real samples, at random, to look at beside generated ones.

        Args:
            n: how many.
            split: "train", "validation" or "test".
            seed: of the choice.
        """
        if split not in self.data:
            raise GantkError(f"no split is called '{split}'; there are {', '.join(self.data)}")
        return Drawn.of(take(self.data[split], n, randomness.generator(seed, "shown")))

    def evaluate(
        self,
        *metrics: str | Mapping[str, Any],
        overrides: Sequence[str] | Mapping[str, Any] = (),
        seed: int | None = None,
    ) -> Evaluation:
        """Metrics on the test split, on fresh samples. Of several, one that does not fit is left out, with a warning.

        Args:
            metrics: names ("basics/diversity") or entries ({"use": "basics/diversity", "samples": 500}); none: those
                of the recipe.
            overrides: of the recipe: settings of its metrics, or where its data lie now.
            seed: of latents and metrics; None: that of the recipe.

        Raises:
            GantkError: no such metric, wrong parameters, or data that are not there.
        """
        changes = as_text(overrides)
        refuse_others(changes, JUDGED_BY, "where a trained model is judged")
        if metrics:
            entries = [metric_entry(metric) for metric in metrics]
            changes += as_text({"evaluate": entries})
        values = recipe_from_text(self.checkpoint.recipe, name=self.checkpoint.path.stem, overrides=changes).values
        built = build_metrics(values)
        if not built:
            raise RecipeError(
                "this recipe has no `evaluate` entries; give some: 'evaluate=[{use: basics/diversity}]' "
                "(`gantk list metric` shows what there is)"
            )
        data = self.data if values["data"] == self.recipe.values["data"] else from_recipe.datasets(values)
        results = evaluate.evaluate(
            built,
            self.state.sampled(),
            self.critic_if_any,
            data["train"],
            data["test"],
            seed=values["seed"] if seed is None else seed,
            device=self.device,
            log=training_log(self.checkpoint.path, self.state, self.spec),
            guard=partial(left_out, several=len(built) > 1),
        )
        return Evaluation(results, f"{self.checkpoint.path}, test split", built)

    def __repr__(self) -> str:
        return f"gantk.Model({str(self.checkpoint.path)!r}), step {self.checkpoint.step}"
