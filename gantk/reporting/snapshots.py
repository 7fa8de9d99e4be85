"""Pictures of a run on fixed latents, and the early warnings that look at the same samples: of mode collapse, here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import matplotlib
import torch
from PIL import Image
from torch import nn

from gantk import console, plots, randomness
from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.evaluation.representation import as_judged
from gantk.files.atomic import write_json, write_text
from gantk.files.pictures import write_image
from gantk.files.run_folder import RunFolder
from gantk.interfaces import Callback, Dataset, Panel, Samples, View, declares
from gantk.interfaces.optional_members import overrides
from gantk.reporting.nearest import FROM_CONDITIONS, SHOWN, nearest_panel
from gantk.reporting.pictures import build_view, name_of_metric_picture
from gantk.reporting.walks import write_walks
from gantk.reporting.winning_critic import WinningCritic
from gantk.sampling import draw, draw_like
from gantk.spec import DataSpec
from gantk.training.state import State

PANEL_SAMPLES = 500  # generated and real samples that panels of a report are made from
COMPARED = 64  # samples whose distances are compared
COLLAPSE_RATIO = 0.25  # so much closer together than real ones is suspect …
COLLAPSE_AFTER = 0.2  # … once this share of the run is over: nets begin with samples that are all alike


def diversity(samples: torch.Tensor, spec: DataSpec) -> torch.Tensor:
    """Mean Euclidean distance between two samples, for each unit: (units,).

    Args:
        samples: (B, *spec.shape) with B > 1.
        spec: says which axes are units.
    """
    flattened = samples.reshape(len(samples), spec.unit_count, -1).float()  # (B, U, D)
    return torch.stack([torch.pdist(flattened[:, unit]).mean() for unit in range(spec.unit_count)])


class Pictures:
    """Draws what a run looks like, on latents that stay the same from the first step to the last.

    Args:
        folder: whose samples/ is written.
        view: how to draw, or None: then only collapse is watched.
        train: the training split.
        recipe: resolved: its `seed`, `loss` and `train.samples` count.
        device: where the nets are.
        steps: of the whole run.
        callbacks: told of each picture.
        guard: makes what a picture is written in from its description; one that swallows an error lets the run go on.
    """

    def __init__(
        self,
        folder: RunFolder,
        view: View | None,
        train: Dataset,
        recipe: Mapping[str, Any],
        *,
        device: torch.device,
        steps: int,
        callbacks: Sequence[Callback] = (),
        guard: Callable[[str], AbstractContextManager[Any]] = nullcontext,
    ):
        self.folder = folder
        self.view = view
        self.train = train
        self.count = count = recipe["train"]["samples"]
        self.wanted = count if view is None else max(count, view.wanted)  # a view may sum up many samples
        self.seed = seed = recipe["seed"]
        self.device = device
        self.steps = steps
        self.callbacks = callbacks
        self.guard = guard
        shown = take(train, max(self.wanted, COMPARED), randomness.generator(seed, "shown"))  # files may be sorted
        self.real, self._shown = shown[: self.wanted], shown
        self._real_diversity = diversity(shown.samples[:COMPARED], train.spec)
        self._was_low = self._warned = False
        self._winning = WinningCritic(steps, recipe["loss"])

    def remember(self, line: Mapping[str, Any]) -> None:
        """Restores the warnings to where they were when the run stopped.

        Args:
            line: of metrics.jsonl; they come in order.
        """
        self._winning.remember(line)
        if "diversity" in line:
            self._was_low = self._is_low(line["diversity"], line["step"])
            self._warned = self._warned or bool(line.get("collapse_warning"))

    def _is_low(self, ratio: float, step: int) -> bool:
        return ratio < COLLAPSE_RATIO and step >= COLLAPSE_AFTER * self.steps

    def of_data(self) -> None:
        """Draws samples of the data: samples/data.png."""
        self._draw("data", self.real, f"{self.train.spec.origin} data", step=0, more=True)

    def of_step(self, state: State) -> dict[str, float]:
        """Draws samples/step-<N>.png and returns the diversity of the samples over that of the data."""
        drawn = self._fixed(state, max(self.count, COMPARED))
        shown = drawn[: self.count] if self.wanted == self.count else self._fixed(state, self.wanted)
        self._draw(f"step-{state.step:06d}", shown, f"step {state.step}", step=state.step)
        ratios = diversity(drawn.samples[:COMPARED], self.train.spec) / self._real_diversity.clamp_min(1e-12)
        lowest = float(ratios.min())
        low = self._is_low(lowest, state.step)
        collapsed = low and self._was_low  # twice in succession: one picture may be a moment's
        self._was_low = low
        if collapsed and not self._warned:
            self._warned = True
            console.warn(
                f"step {state.step}: mode collapse? The samples of a batch are {lowest:.2f} times as far apart as real "
                "ones. If that stays, try a lower learning rate, loss r1 > 0, or basics/minibatch_discrimination"
            )
        found = {"diversity": lowest, "collapse_warning": float(collapsed)}
        if state.critic is not None and state.critic_optimizer is not None:
            real, made = self._shown[:COMPARED], drawn[:COMPARED]
            found |= self._winning.look(state.critic, real, made, state.step, self.device)
        return found

    def of_result(self, state: State) -> None:
        """Draws samples/generated.png and whatever more pictures the view has."""
        self._draw("generated", self._fixed(state, self.wanted), f"step {state.step}", step=state.step, more=True)

    def of_walks(self, state: State) -> None:
        """Draws a sample moved along a few directions of the latent: samples/walk-<K>.png, walks.json."""
        generator = state.sampled()
        if self.view is not None and generator is not None:
            write_walks(self.folder.samples, generator, self.train.spec, seed=self.seed, device=self.device)

    def of_metric(self, entry: str, pictures: Mapping[str, Image.Image], *, step: int, at_end: bool = False) -> None:
        """Saves what a metric has drawn: samples/ENTRY.NAME.png at the end, ENTRY.NAME.step-<N>.png before.

        Args:
            entry: name of the entry of `evaluate`.
            pictures: by name.
            step: at which it was measured.
            at_end: whether the run is over, and the split was that for reporting.

        Raises:
            DoesNotFit: a name that is none for a file.
        """
        for name, picture in pictures.items():
            self._save(picture, name_of_metric_picture(entry, name, None if at_end else step))
            for callback in self.callbacks:
                callback.on_picture(step, f"{entry}.{name}", picture)

    def of_panels(self, state: State, test: Dataset) -> None:
        """Draws what the view has to say of many samples beside held-out real ones, and some beside their nearest real
        ones: samples/panel-*, samples/nearest.png, panels.json."""
        generator = state.sampled()
        if self.view is None or generator is None or not len(test):
            return
        known: dict[str, dict[str, str]] = {}
        for part in (self._many, self._nearest):
            with matplotlib.rc_context(plots.STYLE):
                known |= self._save_panels(part(state, generator, test))
            write_json(self.folder.panels, known)

    def _many(self, state: State, generator: nn.Module, test: Dataset) -> dict[str, Panel]:
        """What the view has to say of many samples."""
        assert self.view is not None
        if not overrides(self.view, View.panels):
            return {}
        count = max(self.count, min(PANEL_SAMPLES, len(test)))
        like = test if declares(generator, "condition") else self.train
        made = draw_like(generator, like, count, seed=self.seed, purpose="panels", device=self.device)
        made, _, _, test = as_judged(made, {}, self.train, test)
        view = self.view if made.spec == self.train.spec else build_view(made.spec)
        real = take(test, count, randomness.generator(self.seed, "panels"))
        try:
            return {} if view is None else {f"panel-{name}": each for name, each in view.panels(made, real).items()}
        except DoesNotFit as error:
            console.warn(f"no panels in the report: {error}")
            return {}

    def _nearest(self, state: State, generator: nn.Module, test: Dataset) -> dict[str, Panel]:
        """The first of the final samples beside their nearest real ones; {} where such samples are not drawn so."""
        given = declares(generator, "condition")
        if given:  # the result is drawn from conditions of training samples, which are then the nearest
            made = draw_like(generator, test, SHOWN, seed=self.seed, purpose="nearest", device=self.device)
        else:
            made = self._fixed(state, self.wanted)[:SHOWN]
        made, _, train, test = as_judged(made, {}, self.train, test)
        view = self.view if made.spec == self.train.spec else build_view(made.spec)
        if view is None or not overrides(view, View.beside_nearest):
            return {}
        note = FROM_CONDITIONS if given else ""
        try:
            return {"nearest": nearest_panel(view, made, train, test, seed=self.seed, note=note)}
        except DoesNotFit:  # points, say; `gantk view --nearest` says why
            return {}

    def _fixed(self, state: State, count: int) -> Samples:
        """Samples on the fixed latents; those made from a condition, from that of the real ones shown beside."""
        generator = state.sampled()
        assert generator is not None
        if declares(generator, "condition"):
            like, spec = self._shown[:count], self.train.spec
            given: dict[str, Any] = {
                "labels": like.labels if declares(generator, "labels") else None,
                "condition": like.condition,
            }
            return draw(
                generator, spec, len(like), seed=self.seed, purpose="fixed latents", device=self.device, **given
            )
        return draw_like(generator, self.train, count, seed=self.seed, purpose="fixed latents", device=self.device)

    def _draw(self, name: str, samples: Samples, caption: str, *, step: int, more: bool = False) -> None:
        if self.view is None:
            return
        pictures = {name: self.view.draw(samples, real=self.real if name != "data" else None, caption=caption)}
        if more:
            pictures |= {f"{name}-{part}": drawn for part, drawn in self.view.pictures(samples, caption).items()}
        for title, picture in pictures.items():
            self._save(picture, title)
            for callback in self.callbacks:
                callback.on_picture(step, title, picture)

    def _save(self, picture: Image.Image, name: str) -> None:
        """Writes samples/<name>.png; one that cannot be written never ends a run."""
        with self.guard("writing a picture"):
            write_image(self.folder.samples / f"{name}.png", picture)

    def _save_panels(self, panels: Mapping[str, Panel]) -> dict[str, dict[str, str]]:
        """Writes samples/<name>.svg or .png, and returns their titles and captions by the file's name."""
        known = {}
        for name, panel in panels.items():
            if isinstance(panel.figure, Image.Image):
                file = f"{name}.png"
                self._save(panel.figure, name)
            else:
                file = f"{name}.svg"
                write_text(self.folder.samples / file, plots.to_svg(panel.figure, name))
            known[file] = {"title": panel.title, "caption": panel.caption}
        return known
