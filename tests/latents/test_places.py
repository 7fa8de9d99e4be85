"""Places in the latent space: how they are written, what their latents are, and `gantk sample --at`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_cells.nets.starshaped import StarShapedGenerator
from gantk_dna.nets.residual import ResidualGenerator
from gantk_expression.nets.cscgan import CscganGenerator
from hypothesis import given
from hypothesis import strategies as st

import gantk
from gantk.api.samples import read_samples
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit, RecipeError
from gantk.interfaces.priors import latents_of_seeds
from gantk.latents.paths import spherical
from gantk.latents.places import Between, LatentSpace, Place, place_of
from gantk.spec import DataSpec

CELLS = DataSpec((3, 2, 16, 24), ("protein", "channel", "y", "x"), unit_axes=1)
DNA = DataSpec((4, 12), ("base", "position"), range=(0.0, 1.0), categorical=True, names={"base": tuple("ACGT")})
SEEDS = st.integers(0, 2**32)
STEPS = st.integers(-80, 80).map(lambda number: round(number * 0.05, 3))  # as a slider of the page gives them
PLAIN = st.builds(
    Place,
    SEEDS,
    st.dictionaries(st.sampled_from(["red", "green"]), SEEDS),
    st.dictionaries(st.sampled_from(["red.direction1", "direction12", "dimension0"]), STEPS),
    st.sampled_from([None, 0.5, 1.5]),
)
ANY = PLAIN | st.builds(
    Between, PLAIN, PLAIN, st.integers(0, 50).map(lambda at: round(at / 50, 3)), st.sampled_from([None, "red"])
)


@given(ANY)
def test_a_place_is_read_as_it_is_written(place: Place | Between) -> None:
    assert place_of(str(place)) == place


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("red=5", "says no seed"),
        ("seed", 'not understood: "seed"'),
        ("seed=x", 'seed is a whole number from 0, not "x"'),
        ("seed=-1", "a whole number from 0"),
        ("seed=1,direction1=nan", 'direction1 is a number, not "nan"'),
        ("seed=1,seed=2", "seed is said twice"),
        ("seed=1 to seed=2 at 1.5", "from 0 .* to 1"),
        ("seed=1 to seed=2", "not understood"),
    ],
)
def test_what_is_not_a_place_is_said(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        place_of(text)


@pytest.fixture(scope="module")
def cells() -> LatentSpace:
    torch.manual_seed(0)
    return LatentSpace(StarShapedGenerator(CELLS, latent=20, width=4))


def seed(number: int, space: LatentSpace) -> torch.Tensor:
    drawn = latents_of_seeds(space.generator, [number])
    assert drawn is not None
    return drawn[0]


def test_parts_come_from_their_seeds_and_moves_are_along_their_directions(cells: LatentSpace) -> None:
    red, green = cells.parts["red"], cells.parts["green"]
    assert torch.equal(cells.latent(Place(17)), seed(17, cells))
    mixed = cells.latent(Place(17, {"red": 5}))
    assert torch.equal(mixed[red], seed(5, cells)[red]) and torch.equal(mixed[green], seed(17, cells)[green])
    moved = cells.latent(place_of("seed=17,green.direction1=1.5,dimension0=-2"))
    by = moved - seed(17, cells)
    assert by[0] == pytest.approx(-2) and by[1 : green.start].abs().max() < 1e-6
    assert by[green].norm().item() == pytest.approx(1.5, rel=1e-5)
    torch.testing.assert_close(by[green], 1.5 * cells.directions("green").vectors[0][green])


def test_a_place_between_two_lies_on_the_arc_and_what_is_held_stays(cells: LatentSpace) -> None:
    start, end = seed(3, cells), seed(4, cells)
    middle = cells.latent(place_of("seed=3 to seed=4 at 0.4"))
    torch.testing.assert_close(middle, spherical(start, end, torch.tensor([0.4]))[0])
    torch.testing.assert_close(cells.latent(Between(Place(3), Place(4), 1.0)), end)
    held = cells.latent(Between(Place(3), Place(4), 1.0, "red"))
    red, green = cells.parts["red"], cells.parts["green"]
    assert torch.equal(held[red], start[red])
    torch.testing.assert_close(held[green], end[green])


def test_what_a_generator_does_not_have_is_said(cells: LatentSpace) -> None:
    for text, message in [
        ("seed=1,blue=2", "no part 'blue': it has red, green"),
        ("seed=1,grean=2", "no part 'grean': did you mean"),
        ("seed=1,direction99=1", "no direction99: directions have the numbers from 1 to"),
        ("seed=1,red.dimension3=1", "write dimension3"),
        ("seed=1,dimension20=1", "no dimension 20"),
    ]:
        with pytest.raises(DoesNotFit, match=message):
            cells.latent(place_of(text))


def test_generators_of_letters_and_of_counts_say_their_parts() -> None:
    letters = LatentSpace(ResidualGenerator(DNA, latent=6, noise=2, width=4, blocks=0, output="gumbel"))
    assert {name: (part.start, part.stop) for name, part in letters.parts.items()} == {
        "sequence": (0, 6), "noise": (6, 30), "letters": (30, 78)
    }  # fmt: skip
    assert len(letters.directions("sequence")) == 6
    with pytest.raises(DoesNotFit, match="no directions are known"):
        letters.directions("noise")
    genes = DataSpec((12,), ("gene",), range=None, attributes={"numbers": "log1p"})
    counts = LatentSpace(CscganGenerator(genes, latent=5, hidden=[8], noise=0.5, labels="none", library_size=False))
    assert len(counts.directions("cell")) == 5 and not counts.directions().vectors[:, 5:].any()


def test_samples_of_places_are_drawn_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = gantk.load("demo")
    places = ["seed=17,green=5", "seed=17,green=5,red.direction1=2", "seed=17 to seed=5 at 0.5 holding red"]
    options = [word for place in places for word in ("--at", place)]
    assert run_command_line(["sample", "demo", *options, "-o", "cells.h5"]) == 0
    drawn = read_samples("cells.h5")
    space = LatentSpace(model.generator)
    latents = torch.stack([space.latent(place_of(place)) for place in places])
    torch.testing.assert_close(drawn.samples, model.render(latents).samples)
    assert drawn.attributes["places"] == places
    assert run_command_line(["sample", "demo", *options, "-o", "cells.png"]) == 0
    assert run_command_line(["sample", "demo", *options, "--seed", "3", "-o", "more.png"]) == 2
    assert not Path("more.png").exists()
