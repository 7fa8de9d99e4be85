"""The page: widgets of panel that hold a choice, and the pictures that follow from it."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from gantk.errors import GantkError
from gantk.explore import beside
from gantk.explore.explorer import Choice, Explorer
from gantk.explore.widgets import button, heading, pn, seed_input, show
from gantk.latents.places import Between, Place
from gantk.recipe.number_lists import whole_numbers

WAIT = 40  # milliseconds from a change to the drawing, in which others may follow: a slider that is pulled sends many
LATER = 250  # milliseconds from the sample to what is drawn beside it, so that it is seen first
WIDTH = 330  # pixels of the controls
DIRECTIONS = 4  # of each part of the latent
FARTHEST = 4.0  # standard deviations of a slider
THRESHOLDS = {"0.5": 0.5, "0.7": 0.7, "1": 1.0, "1.5": 1.5, "2": 2.0, "2.5": 2.5, "none": None}
NOTHING, ALONG, AROUND, PATH, NEAREST = "nothing", "along a direction", "others around it", "from A to B", "nearest"
COPY = """
navigator.clipboard.writeText(line.value);
button.label = "Copied";
setTimeout(() => { button.label = "Copy"; }, 1500);
"""


class Page:
    """One open page, of one browser tab.

    Args:
        explorer: of the model; pages share it.
    """

    def __init__(self, explorer: Explorer):
        self.explorer = explorer
        self.pins: dict[str, Place] = {}
        self.moves: dict[str, Any] = {}
        self._waiting: Any = None
        self._silent = False
        self.seed = seed_input("Seed")
        parts = explorer.space.parts if explorer.space is not None else {}
        self.parts = {name: seed_input(f"Seed of {name}") for name in (parts if len(parts) > 1 else ())}
        self.label = pn.widgets.Select(name="Class", options=list(explorer.classes), width=150)
        self.truncation = pn.widgets.DiscreteSlider(name="Truncation", options=THRESHOLDS, value=None, width=WIDTH)
        self.dimensions = pn.widgets.TextInput(name="Numbers of the latent", placeholder="0,3,5-8", width=150)
        self.sliders = pn.Column()
        self.between = pn.widgets.Checkbox(name="between A and B", value=False, disabled=True)
        self.share = pn.widgets.FloatSlider(name="From A to B", start=0, end=1, step=0.02, value=0.5, disabled=True)
        self.held = pn.widgets.Select(name="Held on the way", options=["nothing", *self.parts], width=150)
        self.pinned = {name: pn.pane.PNG(None, width=150) for name in "AB"}
        self.beside = pn.widgets.Select(name="Beside it", width=WIDTH)
        self.direction = pn.widgets.Select(name="Direction", width=WIDTH, visible=False)
        self.varies = pn.widgets.Select(name="What varies", options=["everything", *self.parts], visible=False)
        self.spread = pn.widgets.FloatSlider(name="By how much", start=0.1, end=1, step=0.1, value=1, visible=False)
        self.picture = pn.pane.PNG(None, sizing_mode="scale_width", css_classes=["sample"])
        self.other = pn.pane.PNG(None, sizing_mode="scale_width", css_classes=["beside"])
        self.caption = pn.widgets.StaticText(value="")
        self.problem = pn.widgets.StaticText(value="", styles={"color": "#c0362c"})
        self.ending = pn.widgets.Select(name="Save as", options=explorer.endings, width=150)
        self.line = pn.widgets.TextInput(
            name="The command line that draws this sample again", sizing_mode="stretch_width"
        )
        self.copy = pn.widgets.Button(name="Copy", width=80)
        self.copy.js_on_click(args={"line": self.line, "button": self.copy}, code=COPY)
        self.download = pn.widgets.FileDownload(callback=self._file, filename="sample.png", label="Save", width=150)
        self._offer_moves()
        self._offer_beside()
        self._watch()
        self.draw()

    @property
    def choice(self) -> Choice:
        """What the widgets say."""
        return Choice(self._between() if self.between.value else self._place(), self.label.value or None)

    def _place(self) -> Place:
        seed = int(self.seed.value or 0)
        moves = {name: round(slider.value, 3) for name, slider in self.moves.items() if round(slider.value, 3)}
        parts = {name: int(each.value or 0) for name, each in self.parts.items() if int(each.value or 0) != seed}
        return Place(seed, parts, moves, self.truncation.value)

    def _between(self) -> Between:
        held = None if self.held.value == "nothing" else self.held.value
        return Between(self.pins["A"], self.pins["B"], round(self.share.value, 3), held)

    def _watch(self) -> None:
        """Each widget's change draws anew."""
        self.seed.param.watch(self._seeded, "value")
        for each in (*self.parts.values(), self.label, self.truncation, self.share, self.held, self.between):
            each.param.watch(self.changed, "value")
        for each in (self.direction, self.varies, self.spread, self.beside):
            each.param.watch(self.changed, "value")
        self.dimensions.param.watch(self._offer_moves, "value")
        self.ending.param.watch(self._say, "value")

    def changed(self, *_: Any) -> None:
        """Draws soon, once for all changes that come until then."""
        document = pn.state.curdoc
        if self._silent or self._waiting is not None:
            return
        if document is None:
            self.draw()
        else:
            self._waiting = document.add_timeout_callback(self._due, WAIT)

    def _due(self) -> None:
        self._waiting = None
        self.draw()

    def draw(self) -> None:
        """Draws the sample now, and soon what stands beside it."""
        self.problem.value = ""
        self.other.object = None
        self.caption.value = ""
        self._fit()
        with self._said():
            show(self.picture, self.explorer.picture(self.choice))
        self._say()
        document = pn.state.curdoc
        if self.beside.value != NOTHING:
            if document is None:
                self.draw_beside(self.choice)
            else:
                self.caption.value = "drawing … (the first time, data may have to be read)"
                document.add_timeout_callback(partial(self.draw_beside, self.choice), LATER)

    def draw_beside(self, choice: Choice) -> None:
        """Draws what stands beside the sample, unless another one is shown by now."""
        if self._waiting is not None or choice != self.choice:
            return
        caption = ""
        with self._said():
            picture, caption = self._beside(choice)
            show(self.other, picture)
        self.caption.value = caption

    def _beside(self, choice: Choice) -> tuple[Image.Image, str]:
        explorer, kind = self.explorer, self.beside.value
        if kind == ALONG:
            return beside.along(explorer, choice, self.direction.value)
        if kind == AROUND:
            varies = None if self.varies.value == "everything" else self.varies.value
            return beside.around(explorer, choice, varies, self.spread.value, int(self.seed.value or 0))
        if kind == PATH:
            if len(self.pins) < 2:
                raise GantkError("pin two samples first, as A and as B")
            held = None if self.held.value == "nothing" else self.held.value
            picture = beside.on_the_way(explorer, self.pins["A"], self.pins["B"], held, choice.label)
            return picture, "on the way from A to B" + (f", {held} held" if held else "")
        return beside.nearest_real(explorer, choice)

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What goes wrong within it is said on the page."""
        try:
            yield
        except GantkError as error:
            self.problem.value = str(error)

    def _say(self, *_: Any) -> None:
        """The command line, and the name of the file that is saved."""
        self.line.value = self.explorer.command(self.choice, self.ending.value)
        self.download.filename = f"sample{self.ending.value}"

    def _file(self) -> io.BytesIO:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"sample{self.ending.value}"
            self.explorer.save(self.choice, path)
            return io.BytesIO(path.read_bytes())

    def _fit(self) -> None:
        """Shows and enables what has an effect."""
        kind, path = self.beside.value, bool(self.between.value)
        self.direction.visible = kind == ALONG
        self.varies.visible = kind == AROUND and bool(self.parts)
        self.spread.visible = kind == AROUND
        for each in (self.seed, *self.parts.values(), self.truncation, *self.moves.values()):
            each.disabled = path
        self.between.disabled = len(self.pins) < 2
        self.share.disabled = not path

    def _seeded(self, *_: Any) -> None:
        """A new seed is that of all parts."""
        with self._together():
            for each in self.parts.values():
                each.value = self.seed.value

    def _another(self, widget: Any, *_: Any) -> None:
        widget.value = secrets.randbelow(10_000)

    def _reset(self, *_: Any) -> None:
        with self._together():
            for each in self.moves.values():
                each.value = 0.0

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Several changes, then one drawing."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False
        self.changed()

    def _pin(self, name: str, *_: Any) -> None:
        if self.between.value:
            self.problem.value = "only samples of a seed are pinned: leave 'between A and B' first"
            return
        self.pins[name] = self._place()
        self.pinned[name].object = self.picture.object
        self.changed()

    def _offer_moves(self, *_: Any) -> None:
        """Sliders of directions and of the numbers that were typed; those there were keep their values."""
        with self._said():
            self.problem.value = ""
            typed = str(self.dimensions.value or "").strip()
            dimensions = whole_numbers(typed, "dimension") if typed else []
            offered = self.explorer.offered_moves(DIRECTIONS, dimensions, self.label.value)
            before = {name: slider.value for name, slider in self.moves.items()}
            self.moves = {
                name: pn.widgets.FloatSlider(
                    name=title, start=-FARTHEST, end=FARTHEST, step=0.05, value=before.get(name, 0.0), width=WIDTH
                )
                for name, title in offered.items()
            }
            for slider in self.moves.values():
                slider.param.watch(self.changed, "value")
            self.sliders.objects = list(self.moves.values())
            names = {title: name for name, title in offered.items()}
            chosen = self.direction.value if self.direction.value in offered else next(iter(offered), None)
            self.direction.param.update(options=names, value=chosen)
            self._offer_beside()
            if any(before.get(name) for name in before.keys() - self.moves.keys()):
                self.changed()

    def _offer_beside(self) -> None:
        there = self.explorer.space is not None
        options = [
            NOTHING,
            *([ALONG] if self.moves else []),
            *([AROUND] if there and self.explorer.truncates else []),
            *([PATH] if there else []),
            NEAREST,
        ]
        if self.beside.options != options:
            chosen = self.beside.value if self.beside.value in options else NOTHING
            self.beside.param.update(options=options, value=chosen)

    def view(self) -> Any:
        """All of it."""
        explorer = self.explorer
        seeds = [
            pn.Row(each, button("Another", partial(self._another, each), 90))
            for each in (self.seed, *self.parts.values())
        ]
        controls = [heading("Seed"), *seeds]
        controls += [self.label] if explorer.classes else []
        controls += [self.truncation] if explorer.truncates else []
        if explorer.space is not None:
            controls += [heading("Moves, in standard deviations")]
            if explorer.without_directions:
                controls += [pn.widgets.StaticText(value=f"No directions: {explorer.without_directions}", width=WIDTH)]
            controls += [self.sliders, pn.Row(self.dimensions, button("All moves to 0", self._reset))]
            pins = [
                pn.Column(button(f"Pin as {name}", partial(self._pin, name), lowered=False), self.pinned[name])
                for name in "AB"
            ]
            controls += [heading("Two samples"), pn.Row(*pins), self.between, self.share]
            controls += [self.held] if self.parts else []
        step = f"{explorer.source}, step {explorer.model.checkpoint.step}"
        saving = pn.Row(self.ending, pn.Column(pn.Spacer(height=18), self.download))
        main = pn.Column(
            heading(step),
            self.picture,
            self.problem,
            pn.Row(pn.Column(pn.Spacer(height=18), self.copy), self.line, sizing_mode="stretch_width"),
            saving,
            pn.Spacer(height=8),
            pn.Row(self.beside, self.direction, self.varies, self.spread),
            self.caption,
            self.other,
            sizing_mode="stretch_width",
        )
        return pn.Row(pn.Column(*controls, width=WIDTH + 20), main, sizing_mode="stretch_width")
