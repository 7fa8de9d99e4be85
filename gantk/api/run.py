"""gantk from Python: `run = gantk.run("toy_motif", {"train.steps": 100}); run.sample(16)`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from gantk import console, notebook, plots
from gantk.api.model import Model
from gantk.api.samples import Drawn
from gantk.api.sampling_options import Condition
from gantk.errors import FileError, GantkError
from gantk.evaluation.results import Evaluation, from_json
from gantk.files.run_folder import RunFolder
from gantk.interfaces import Callback
from gantk.messages import nearest
from gantk.recipe.recipe import Recipe, dropped_sentence, recipe_from_text
from gantk.recipe.recipe import load as load_file
from gantk.recipe.yaml_positions import dump
from gantk.runs import start

Overrides = Mapping[str, Any] | Sequence[str]
"""{"train.steps": 100}, or ["train.steps=100"] as on the command line."""

LogFunction = Callable[[int, Mapping[str, float]], object]
"""Called with a step and the numbers by name that are known of it: loss terms, metrics, diversity."""


class Run:
    """A run folder.

    Args:
        path: the folder.

    Raises:
        FileError: there is no run in it.
    """

    def __init__(self, path: str | Path):
        self.folder = RunFolder(Path(path))

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder.path

    @cached_property
    def recipe(self) -> Recipe:
        """The resolved recipe: every value."""
        return recipe_from_text(self.folder.resolved(), name=self.path.name)

    @cached_property
    def model(self) -> Model:
        """The model of the best checkpoint where one was kept, else of the newest."""
        return Model(self.path)

    @property
    def report(self) -> Path:
        """The path of report.html."""
        return self.path / "report.html"

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
        truncation: float | None = None,
    ) -> Drawn:
        """n generated samples; see `Model.sample`."""
        given: dict[str, Any] = {"label": label, "raw": raw, "condition": condition, "settings": settings}
        return self.model.sample(n, seed=seed, reject=reject, truncation=truncation, **given)

    def real(self, n: int, *, split: str = "test", seed: int = 0) -> Drawn:
        """Up to n real samples; see `Model.real`."""
        return self.model.real(n, split=split, seed=seed)

    def evaluate(
        self, *metrics: str | Mapping[str, Any], overrides: Overrides = (), seed: int | None = None
    ) -> Evaluation:
        """Metrics now, on fresh samples; see `Model.evaluate`. What the run ended with is `evaluation`."""
        return self.model.evaluate(*metrics, overrides=overrides, seed=seed)

    def resume(
        self, overrides: Overrides = (), *, callbacks: Sequence[Callback | LogFunction] = (), quiet: bool = False
    ) -> Run:
        """Goes on where the run stopped, to its last step or to a new `train.steps`; see `resume`."""
        return resume(self.path, overrides, callbacks=callbacks, quiet=quiet)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl: what was known of each step (`pandas.DataFrame(run.metrics)` takes them)."""
        return list(self.folder.lines())

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """One number over training: its steps and values.

        Args:
            name: of a loss term, of a metric ("motif_rate.motif_count", on the validation split), or "diversity".

        Raises:
            GantkError: no such number was written down; the message names those that were.
        """
        lines = self.metrics
        found = [(line["step"], line[name]) for line in lines if name in line]
        if not found:
            known = list(dict.fromkeys(key for line in lines for key in line if key not in ("step", "split")))
            near = nearest(name, known)
            hint = f"; did you mean '{near}'?" if near else "."
            raise GantkError(f"{self.path}: has no numbers '{name}'{hint} There are {', '.join(known) or 'none yet'}")
        return [step for step, _ in found], [value for _, value in found]

    @property
    def evaluation(self) -> Evaluation:
        """The metric table of the end of the run, entry to name to Value; empty before that."""
        found = self.folder.judged()
        if not found:
            return Evaluation({}, f"{self.path}: not judged yet")
        results = from_json(found["values"])
        return Evaluation(results, f"{self.path}, test split", summaries=found.get("summaries", ()))

    def curves(self) -> Image.Image:
        """Training curves as a picture."""
        return plots.to_image(plots.curves_figure(self.folder.lines()))

    def picture(self, name: str = "generated") -> Image.Image:
        """A picture that the run has drawn.

        Args:
            name: "generated" (at the end), "data", "step-000500", or whatever else lies in its folder `samples`.

        Raises:
            FileError: there is no such picture; the message names those there are.
        """
        path = self.folder.samples / f"{name}.png"
        if not path.is_file():
            known = ", ".join(sorted(each.stem for each in self.folder.samples.glob("*.png")))
            raise FileError(f"{self.folder.samples}: has no picture '{name}'; there are {known or 'none yet'}")
        with Image.open(path, formats=["PNG"]) as opened:
            return opened.convert("RGB")

    def _repr_html_(self) -> str:
        lines = self.metrics
        values = self.recipe.values
        done = max((line["step"] for line in lines), default=0)
        parts = [f"<h4>{notebook.html_line(self.path.name, 'span')}</h4>", notebook.html_line(values["about"] or "")]
        parts.append(notebook.html_line(f"step {done} of {values['train']['steps'] or '?'}, folder {self.path}"))
        drawn = self.folder.step_pictures()
        latest = "generated" if (self.folder.samples / "generated.png").exists() else drawn[-1].stem if drawn else None
        if latest is not None:
            parts.append(notebook.image(self.picture(latest), f"samples of {self.path.name}"))
        if self.evaluation:
            parts.append(self.evaluation._repr_html_())
        if lines:
            parts.append(notebook.image(self.curves(), "training curves"))
        return "".join(parts)

    def __repr__(self) -> str:
        return f"gantk.Run({str(self.path)!r})"


class Function(Callback):
    """A function as a callback."""

    def __init__(self, function: LogFunction):
        self.function = function

    def on_log(self, step: int, values: Mapping[str, float]) -> None:
        self.function(step, values)


def _callbacks(given: Sequence[Callback | LogFunction]) -> list[Callback]:
    wrong = [each for each in given if not (isinstance(each, Callback) or callable(each))]
    if wrong:
        raise GantkError(f"a callback is a function of (step, values) or a gantk.Callback, and not {wrong[0]!r}")
    return [each if isinstance(each, Callback) else Function(each) for each in given]


@contextmanager
def _silence(quiet: bool) -> Iterator[None]:
    """Prints only warnings and errors in this context, where `quiet`."""
    if quiet:
        console.set_quiet(True)
    try:
        yield
    finally:
        if quiet:
            console.set_quiet(False)


def load_recipe(recipe: str | Path | Mapping[str, Any] | Recipe, overrides: Overrides = ()) -> Recipe:
    """A recipe, checked, with every default filled in: `values`, `origins`, `to_yaml()`.

    Args:
        recipe: a file, the name of a shipped recipe, the blocks as a mapping, or a recipe to change.
        overrides: what to change in it.

    Raises:
        RecipeError: every mistake at once.
        FileError: there is no such file.
    """
    if isinstance(recipe, Recipe):
        return recipe_from_text(recipe.to_yaml(), recipe.name, overrides) if overrides else recipe
    if isinstance(recipe, Mapping):
        return recipe_from_text(dump(dict(recipe)), "recipe", overrides)
    loaded = load_file(recipe, overrides)
    if loaded.dropped:
        console.warn(dropped_sentence(loaded.dropped))
    return loaded


def run(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    overrides: Overrides = (),
    *,
    out: str | Path | None = None,
    callbacks: Sequence[Callback | LogFunction] = (),
    quiet: bool = False,
) -> Run:
    """Trains a recipe from the first step to the report.

    Args:
        recipe: a file, the name of a shipped recipe, the blocks as a mapping, or what `load_recipe` gave.
        overrides: {"train.steps": 100} or ["train.steps=100"].
        out: the run folder to make; None: the next free runs/<name>-<number>.
        callbacks: functions of (step, values), or `gantk.Callback` objects; told of the run, they never change it.
        quiet: says nothing but warnings and errors.

    Raises:
        GantkError: mistakes in the recipe, data that are missing (nothing is made then), or training that diverged.
        Interrupted: Ctrl-C; the step was finished and a checkpoint written, and `gantk.resume` goes on.
    """
    told = _callbacks(callbacks)
    with _silence(quiet):
        return Run(start.start(load_recipe(recipe, overrides), None if out is None else Path(out), told).path)


def resume(
    path: str | Path,
    overrides: Overrides = (),
    *,
    callbacks: Sequence[Callback | LogFunction] = (),
    quiet: bool = False,
) -> Run:
    """Resumes a run from its newest checkpoint, as if it had never stopped.

    Args:
        path: the run folder.
        overrides: may raise train.steps, and change pictures, metrics and the machine.
        callbacks: as for `run`.
        quiet: as for `run`.

    Raises:
        GantkError: no run there, no checkpoint yet, or an override that would make it another model.
    """
    told = _callbacks(callbacks)
    with _silence(quiet):
        return Run(start.resume(Path(path), overrides, told).path)


def load(path: str | Path, device: str = "auto") -> Model:
    """The model in a run folder or checkpoint file, ready to sample.

    Args:
        path: a checkpoint file, or a run folder (its best checkpoint where there is one, else its newest).
        device: "auto", "cpu", "cuda" or "mps".
    """
    return Model(path, device)
