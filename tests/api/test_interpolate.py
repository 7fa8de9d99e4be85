"""Paths through latents: arcs, loops, parts held fixed; and `gantk interpolate`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

import gantk
from gantk.api import interpolate
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit, FileError, RecipeError
from gantk.files.latents import Latents
from gantk.latents import paths

SHARE = torch.linspace(0, 1, 9)


def test_an_arc_is_as_long_everywhere_and_turns_evenly() -> None:
    start, end = torch.randn(2, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    along = paths.spherical(start, end, SHARE.double())
    torch.testing.assert_close(along[0], start)
    torch.testing.assert_close(along[-1], end)
    torch.testing.assert_close(along.norm(dim=1), torch.lerp(start.norm(), end.norm(), SHARE.double()))
    cosines = torch.nn.functional.cosine_similarity(along[1:], along[:-1])
    torch.testing.assert_close(cosines, cosines[:1].expand_as(cosines))
    middle = paths.linear(start, end, SHARE.double())[4].norm()
    assert middle < 0.85 * along[4].norm()  # a chord leaves the shell where N(0, I) has its mass


@pytest.mark.parametrize("end", [torch.ones(4), -torch.ones(4), torch.zeros(4), torch.ones(4) * 3])
def test_an_arc_between_vectors_of_one_line_is_finite(end: torch.Tensor) -> None:
    along = paths.spherical(torch.ones(4), end, SHARE)
    assert along.isfinite().all()
    torch.testing.assert_close(along[[0, -1]], torch.stack([torch.ones(4), end]))


def test_loops_close_and_open_paths_end() -> None:
    stops = torch.randn(3, 6)
    loop, line = (paths.path(stops, 4, loop=loop) for loop in (True, False))
    assert loop.shape == (12, 6)
    assert line.shape == (9, 6)
    torch.testing.assert_close(loop[::4], stops)
    torch.testing.assert_close(line[[0, 4, 8]], stops)
    after_last = paths.spherical(stops[2], stops[0], torch.tensor([0.75]))
    torch.testing.assert_close(loop[-1:], after_last)


def test_what_is_held_stays_to_the_last_bit() -> None:
    stops = torch.randn(3, 6)
    along = paths.path(stops, 4, free=slice(2, 6))
    assert torch.equal(along[:, :2], stops[:1, :2].expand(12, 2))
    torch.testing.assert_close(along[4, 2:], stops[1, 2:])


def test_latents_are_kept_chosen_and_sorted(tmp_path: Path) -> None:
    latents = Latents(
        torch.arange(12.0).reshape(4, 3),
        {"length": torch.tensor([3.0, 1.0, 2.0, 0.0]), "protein": torch.tensor([0, 0, 0, 1])},
        {"model": "abc"},
    )
    latents.write(tmp_path / "latents.h5")
    read = Latents.read(tmp_path / "latents.h5")
    assert read.attributes == {"model": "abc"}
    assert torch.equal(interpolate.chosen(read, None, []), latents.values)
    assert torch.equal(interpolate.chosen(read, "length", ["protein=0"]), latents.values[[1, 2, 0]])
    for order, only, word in (("lenght", [], "length"), (None, ["protein=1"], "two"), (None, ["protein"], "number")):
        with pytest.raises(RecipeError, match=word):
            interpolate.chosen(read, order, only)
    (tmp_path / "other.h5").write_text("no")
    with pytest.raises(FileError, match="gantk reconstruct"):
        Latents.read(tmp_path / "other.h5")


@pytest.fixture
def run(tiny: Path) -> gantk.Run:
    return gantk.run(tiny, {"train.steps": 2, "evaluate": []}, out=Path("run"))


def test_the_command_draws_what_lies_along_the_path(run: gantk.Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["interpolate", "run", "--stops", "3", "--frames", "4", "-q"]
    assert run_command_line([*words, "-o", "a.gif", "--png-frames", "frames"]) == 0
    assert capsys.readouterr().out.strip() == "a.gif"
    with Image.open("a.gif") as gif:
        assert gif.n_frames == 12
    assert len(list(Path("frames").glob("frame-*.png"))) == 12
    assert run_command_line([*words, "--open", "-o", "a.h5"]) == 0
    assert run_command_line([*words, "-o", "a.png"]) == 0
    samples = gantk.components.formats.format_for(Path("a.h5")).read(Path("a.h5"))
    assert len(samples) == 9
    generator = interpolate.generator_of(run.model)
    stops = interpolate.stops_at_random(generator, 3, 0)
    with torch.no_grad():
        torch.testing.assert_close(samples.samples[::4], generator(stops))
    assert run_command_line([*words, "-o", "a.png"]) == 2  # never overwrites
    assert run_command_line([*words, "-o", "b.gif", "--hold", "red"]) == 1
    assert "its latent has no parts" in capsys.readouterr().err


def test_the_command_goes_through_given_latents(run: gantk.Run, capsys: pytest.CaptureFixture[str]) -> None:
    Latents(torch.randn(3, 8), {"length": torch.arange(3.0)}).write(Path("latents.h5"))
    words = ["interpolate", "run", "--through", "latents.h5", "--frames", "2", "-o"]
    assert run_command_line([*words, "a.gif", "--order", "length"]) == 0
    assert "another model" in capsys.readouterr().err
    Latents(torch.randn(3, 9)).write(Path("latents.h5"))
    assert run_command_line([*words, "b.gif"]) == 1
    assert "9 numbers" in capsys.readouterr().err
    assert run_command_line(["interpolate", "run", "--order", "length", "-o", "b.gif"]) == 2


def test_parts_are_known_by_name() -> None:
    net = torch.nn.Identity()
    net.latent_parts = {"red": slice(0, 2), "green": slice(2, 6)}  # type: ignore[assignment]
    assert paths.part_that_varies(net, "red") == slice(2, 6)
    assert paths.part_that_varies(net, None) is None
    with pytest.raises(DoesNotFit, match="red, green"):
        paths.part_that_varies(net, "blue")
