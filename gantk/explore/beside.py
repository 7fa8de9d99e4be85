"""What is drawn beside a sample: along a direction, others around it, on the way to another, its nearest real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from PIL import Image

from gantk import randomness
from gantk.errors import DoesNotFit
from gantk.evaluation.representation import as_judged
from gantk.explore.explorer import Choice, Explorer, enlarged
from gantk.interfaces import Samples
from gantk.latents.places import Between, Place
from gantk.reporting.grids import grid
from gantk.reporting.nearest import FROM_CONDITIONS, nearest_panel
from gantk.reporting.pictures import build_view

ALONG = 9  # samples along a direction, or on a path
REACH = 3.0  # standard deviations to either side
AROUND = 12  # samples around another …
SMALL = 112  # pixels: samples up to so large stand in rows
MOST_AROUND = 256  # … or as many as the view wants to sum up, but no more


def along(explorer: Explorer, choice: Choice, move: str) -> tuple[Image.Image, str]:
    """A sample moved along one direction from -3 to 3 standard deviations, and a caption.

    Args:
        explorer: of the model.
        choice: of the sample, which is no place between two.
        move: the direction.
    """
    place = _single(choice)
    values = torch.linspace(-REACH, REACH, ALONG).tolist()
    places = [replace(place, moves={**place.moves, move: value}) for value in values]
    samples = explorer.samples(places, choice.label)
    picture = overview(explorer, samples, [f"{value:+.2f}" for value in values])
    return picture, f"{move} from {-REACH:g} to {REACH:g} standard deviations"


def around(explorer: Explorer, choice: Choice, varies: str | None, spread: float, seed: int) -> tuple[Image.Image, str]:
    """Samples whose latents lie around that of another: √(1 - spread²) of it and spread of a draw from N(0, I).

    So each of them is distributed as latents are, and as far from the other as spread says: 1 are any samples, or any
    in that part of the latent that varies.

    Args:
        explorer: of the model.
        choice: of the sample, which is the first.
        varies: the part of the latent that varies while the others are held; None: all of it.
        spread: 0 … 1.
        seed: of the draws.
    """
    space = explorer.space
    if space is None:
        raise DoesNotFit(explorer.without_directions)
    count = max(AROUND, min(explorer.view.wanted, MOST_AROUND))
    latent = space.latent(choice.place, explorer.number_of(choice.label))
    part = slice(None) if varies is None else space.parts[varies]
    noise = torch.randn((count, space.size), generator=randomness.generator(seed, "around"))
    latents = latent.repeat(count, 1)
    moved = (1 - spread**2) ** 0.5 * latents + spread * noise
    latents[1:, part] = moved[1:, part]
    drawn = explorer.model.render(latents, label=choice.label)
    what = "the latent" if varies is None else varies
    held = [each for each in space.parts if each != varies] if varies is not None else []
    held_too = f", {' and '.join(held)} held" if held else ""
    return overview(explorer, drawn), f"this one, and {count - 1} in which {what} varies by {spread:g}{held_too}"


def on_the_way(explorer: Explorer, start: Place, end: Place, held: str | None, label: str | None) -> Image.Image:
    """Samples on the arc between two.

    Args:
        explorer: of the model.
        start: the first.
        end: the last.
        held: the part of the latent that stays as at the start.
        label: class of all.
    """
    shares = torch.linspace(0, 1, ALONG).tolist()
    samples = explorer.samples([Between(start, end, share, held) for share in shares], label)
    return overview(explorer, samples, [f"{share:.2f}" for share in shares])


def overview(explorer: Explorer, samples: Samples, titles: Sequence[str] = ()) -> Image.Image:
    """Samples in one picture: small ones in rows, enlarged, under their titles; others as their view draws many.

    Args:
        explorer: of the model.
        samples: one or more.
        titles: of each.
    """
    if max(explorer.view.tiles(samples[:1])[0].size) > SMALL:
        return explorer.view.draw(samples)
    tiles = [enlarged(tile.convert("RGB"), SMALL) for tile in explorer.view.tiles(samples)]
    return grid(tiles, ALONG if titles else AROUND // 2, above=titles)


def nearest_real(explorer: Explorer, choice: Choice) -> tuple[Image.Image, str]:
    """A sample beside the nearest training and the nearest held-out sample, and how far these are.

    Args:
        explorer: of the model.
        choice: of the sample.

    Raises:
        DataError: the data are not there.
        DoesNotFit: such samples are not drawn so.
    """
    data, made = explorer.data, explorer.sample(choice, raw=True)
    made, _, train, test = as_judged(made, {}, data["train"], data["test"])  # type: ignore[assignment]
    view = build_view(made.spec)
    assert view is not None
    note = FROM_CONDITIONS if explorer.given else ""
    panel = nearest_panel(view, made, train, test, seed=0, note=note)
    assert isinstance(panel.figure, Image.Image)
    return panel.figure, panel.caption


def _single(choice: Choice) -> Place:
    if isinstance(choice.place, Between):
        raise DoesNotFit("directions start from the sample of a seed, and this one lies between two")
    return choice.place
