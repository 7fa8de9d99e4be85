"""What `gantk view --nearest` draws: samples of a run beside the nearest samples of its data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from gantk.api.run import Model
from gantk.errors import DataError, FileError, GantkError
from gantk.evaluation.representation import as_judged
from gantk.interfaces import declares
from gantk.recipe.recipe import parameters_of, recipe_from_text
from gantk.reporting.nearest import FROM_CONDITIONS, nearest_panel
from gantk.reporting.pictures import build_view
from gantk.sampling import draw_like
from gantk.training import from_recipe
from gantk.training.checkpoint import is_checkpoint


def nearest_picture(source: Path, number: int, seed: int = 0, overrides: Sequence[str] = ()) -> tuple[Image.Image, str]:
    """Fresh samples of a run or checkpoint beside the nearest of all its training and of all its held-out samples.

    Args:
        source: the run or checkpoint.
        number: how many samples.
        seed: of the samples.
        overrides: KEY=VALUE of the view; and of `data`, where these lie elsewhere by now.

    Returns:
        the picture, and its caption: how far they are, and how many samples were searched.

    Raises:
        GantkError: the run or its data are not there, or such samples are not drawn so.
    """
    if source.is_file() and not is_checkpoint(source):
        raise FileError(
            f"{source}: a file does not say which data its samples were learnt from; --nearest draws samples of a run "
            "or of a checkpoint"
        )
    model = Model(source)
    moved = [each for each in overrides if each.startswith(("data.", "data="))]
    given = parameters_of([each for each in overrides if each not in moved])
    values = recipe_from_text(model.checkpoint.recipe, name=model.checkpoint.path.stem, overrides=moved).values
    try:
        data = from_recipe.datasets(values)
    except DataError as error:
        raise DataError(
            f"{error}\n--nearest searches the data that the run learnt from. Where they lie elsewhere by now, say so "
            "behind the run, by data.root=FOLDER or data.path=FILE"
        ) from error
    given_by = data["test"] if declares(model.generator, "condition") else data["train"]
    made = draw_like(model.generator, given_by, number, seed=seed, purpose="sample", device=model.device)
    made, _, train, test = as_judged(made, {}, data["train"], data["test"])
    view = build_view(made.spec.shown_by(values["view"]) if made.spec == data["train"].spec else made.spec, **given)
    if view is None:
        raise GantkError("these samples name no view to draw them with")
    note = FROM_CONDITIONS if declares(model.generator, "condition") else ""
    panel = nearest_panel(view, made, train, test, seed=seed, whole=True, note=note)
    assert isinstance(panel.figure, Image.Image)
    return panel.figure, panel.caption
