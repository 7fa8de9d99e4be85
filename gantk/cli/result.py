"""What `gantk run` and `gantk resume` say at the end."""

from __future__ import annotations

import shlex

from gantk import console
from gantk.errors import BarMissed
from gantk.evaluation.results import HEADINGS, build_metrics, from_json, missed_bars, rows, summary_lines
from gantk.files.run_folder import RunFolder
from gantk.recipe.recipe import recipe_from_text


def show_result(folder: RunFolder) -> None:
    """Prints the metric table and the next commands to stderr, and the folder to stdout.

    Raises:
        BarMissed: a metric is below the bar that the recipe sets.
    """
    results = from_json(folder.judged().get("values", {}))
    entries = build_metrics(recipe_from_text(folder.resolved(), name=folder.path.name).values)
    failed = [entry.name for entry in entries if entry.require and entry.name not in results]
    entries = [entry for entry in entries if entry.name in results]
    for line in summary_lines(entries, results):
        console.say(line)
    if results:
        console.table("on the test split", HEADINGS, rows(results), to_stdout=False)
    path = shlex.quote(str(folder.path))
    pictures = " and ".join(name for name in ("generated.png", "data.png") if (folder.samples / name).exists())
    if pictures:
        console.say(f"pictures   {path}/samples/  ({pictures})")
    if (folder.path / "report.html").exists():
        console.say(f"report     {path}/report.html")
    console.say("next       " + f"gantk sample {path} -n 64 -o samples.h5")
    console.say("           " + f"gantk view {path} -o picture.png")
    console.say("           " + f"gantk resume {path} train.steps=<more>")
    console.answer(str(folder.path))
    missed = missed_bars(entries, results) + [f"{name} could not be measured" for name in failed]
    if missed:
        raise BarMissed("below the bar that the recipe sets: " + "; ".join(missed))
