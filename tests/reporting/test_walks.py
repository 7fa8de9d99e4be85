"""Directions in the report: frames side by side, small enough, and left out where they make no sense."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_basics.nets.dcgan import DcganGenerator
from gantk_basics.nets.mlp import MlpGenerator
from PIL import Image
from torch import nn

from gantk.errors import FileError
from gantk.files.run_folder import RunFolder
from gantk.interfaces.priors import latents_of_seeds
from gantk.reporting import walks
from gantk.reporting.pictures import build_view
from gantk.reporting.report import walks_shown
from gantk.reporting.walks import FRAMES, fitting, read_walks, write_walks
from gantk.sampling import render
from gantk.spec import DataSpec

CPU = torch.device("cpu")
IMAGES = DataSpec((1, 8, 8), ("channel", "y", "x"), view="basics/images")
POINTS = DataSpec((2,), ("coordinate",), range=None, view="basics/points")


def test_the_middle_frame_is_the_sample_and_the_others_lie_along_a_direction(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = DcganGenerator(IMAGES, latent=6, width=4).eval()
    assert write_walks(tmp_path, generator, IMAGES, seed=5, device=CPU)
    about = json.loads((tmp_path / "walks.json").read_text())
    assert about["seed"] == 5 and about["values"] == [-3, -2, -1, 0, 1, 2, 3]
    assert [each["title"] for each in about["walks"].values()] == [f"direction {rank}" for rank in (1, 2, 3, 4)]
    view = build_view(IMAGES)
    assert view is not None
    latent = latents_of_seeds(generator, [5])
    tile = np.asarray(view.tiles(render(generator, IMAGES, latent, 1))[0].convert("RGB"))
    for name in about["walks"]:
        strip = np.asarray(Image.open(tmp_path / name, formats=["PNG"]))
        frames = np.split(strip, FRAMES, axis=1)
        assert np.abs(frames[3].astype(int) - tile).max() <= 1
        assert any((frame != frames[3]).any() for frame in frames)


@pytest.mark.parametrize(
    ("generator", "spec"),
    [
        (MlpGenerator(POINTS, latent=3, hidden=[4]), POINTS),
        (DcganGenerator(IMAGES, latent=6, width=4), DataSpec((1, 8, 8), ("channel", "y", "x"))),
    ],
    ids=["a view without tiles", "no view"],
)
def test_it_is_left_out_where_it_makes_no_sense(generator: nn.Module, spec: DataSpec, tmp_path: Path) -> None:
    (tmp_path / "walks.json").write_text("{}")  # of an earlier end of the run
    assert not write_walks(tmp_path, generator, spec, seed=0, device=CPU)
    assert [*tmp_path.iterdir()] == []


def test_strips_are_halved_until_they_are_few_enough_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "MOST_BYTES", 100_000)
    noise = np.random.default_rng(0).integers(0, 256, (128, 128 * FRAMES, 3), dtype=np.uint8)
    written = fitting([Image.fromarray(noise)] * 2)
    assert Image.open(io.BytesIO(written[0]), formats=["PNG"]).size == (64 * FRAMES, 64)  # no smaller: not to be seen
    wide = Image.new("RGB", (1144 * FRAMES, 96))
    assert Image.open(io.BytesIO(fitting([wide])[0]), formats=["PNG"]).size == (572 * FRAMES, 48)


@pytest.mark.parametrize(
    "text", ["[]", '{"walks": 3, "values": []}', '{"walks": {"a.png": 3}, "values": [0, 1], "width": 4}']
)
def test_a_damaged_list_of_walks_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "walks.json").write_text(text)
    with pytest.raises(FileError, match=r"walks\.json: damaged"):
        read_walks(tmp_path)


def test_a_list_that_names_files_elsewhere_shows_none(tmp_path: Path) -> None:
    samples = tmp_path / "run" / "samples"
    samples.mkdir(parents=True)
    (tmp_path / "run" / "resolved.yaml").touch()
    (samples / "walks.json").write_text('{"walks": {"../../x.png": {"title": "a"}}, "values": [0, 1], "width": 4}')
    Image.new("RGB", (8, 4)).save(tmp_path / "x.png")
    damaged: list[str] = []
    assert walks_shown(RunFolder(tmp_path / "run"), damaged) == {} and damaged == []
    Image.new("RGB", (8, 4)).save(samples / "x.png")
    assert [each["title"] for each in walks_shown(RunFolder(tmp_path / "run"), damaged)["strips"]] == ["a"]
