"""`gantk translate`: new fields in every kind of file, in the target's units, going on where it stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from gantk_cells.cropping.volumes import open_volumes
from gantk_cells.files.ome_tiff import OmeTiff
from gantk_cells.translation import reading, translate, writing
from gantk_cells.translation.inputs import find_inputs
from numpy.typing import NDArray
from PIL import Image

import gantk
from gantk.cli import run_command_line
from tests.helpers.paired_run import GIVEN, paired_run
from tests.plugins.cells.test_fields_of_view import write_ome_zarr

RNG = np.random.default_rng(0)
FIELD = RNG.integers(2000, 30000, (2, 45, 70)).astype(np.uint16)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net of 16 bits, trained for a step: phase and z to dapi."""
    return paired_run(tmp_path_factory.mktemp("translator"))


@pytest.fixture(scope="module")
def right(run: Path) -> NDArray[Any]:
    """What the model makes of `FIELD`, as pixels."""
    made = gantk.load(run).translate(FIELD)
    assert made.shape == (1, 45, 70) and np.ptp(made) > 100
    return made.round().astype(np.uint16)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


def png(path: str, values: NDArray[Any]) -> None:
    Image.fromarray(values).save(path, dpi=(25400 / 0.325,) * 2)


def ome(path: str, planes: NDArray[Any], names: tuple[str, ...] = GIVEN, **how: Any) -> None:
    about = {"Channel": {"Name": list(names)}, "PhysicalSizeX": 0.325, "PhysicalSizeXUnit": "µm"}
    tifffile.imwrite(path, planes, ome=True, photometric="minisblack", metadata={"axes": "CYX", **about}, **how)


def test_one_file_a_channel_and_what_is_there_is_not_made_again(
    run: Path, right: NDArray[Any], inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for field in ("f8", "f9"):
        for name, plane in zip(GIVEN, FIELD, strict=True):
            png(f"in/{field}_{name}.png", plane)
    png("in/f8_dapi.png", FIELD[0])
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 0
    out, err = capsys.readouterr()
    assert out == "out\n" and "2 translated" in err and "1 file passed over (the model is given phase, z)" in err
    with Image.open("out/f8.png") as image:
        assert image.mode == "I;16" and np.array_equal(np.asarray(image), right[0])
        assert abs(25400 / image.info["dpi"][0] - 0.325) < 1e-3
        assert "generated, not measured" in image.text["Description"]  # type: ignore[attr-defined]
    before = Path("out/f8.png").stat().st_mtime_ns
    Path("out/f9.png").unlink()
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 0
    assert "1 translated, 1 there already" in capsys.readouterr().err
    assert Path("out/f8.png").stat().st_mtime_ns == before
    png("in/f8_z.png", FIELD[0])  # another input under the same name
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 1
    assert "f8.png exists already, of another model, input or setting: --force" in capsys.readouterr().err
    assert Path("out/f8.png").stat().st_mtime_ns == before
    assert run_command_line(["translate", str(run), "in", "-o", "out", "--force"]) == 0
    assert "1 translated, 1 there already" in capsys.readouterr().err
    assert sorted(path.name for path in Path("out").iterdir()) == ["f8.png", "f9.png"]


def test_a_stack_keeps_its_pixel_size_and_gets_the_name_and_units_of_the_target(
    run: Path, right: NDArray[Any], inside: Path
) -> None:
    ome("in/a.ome.tif", FIELD[::-1], GIVEN[::-1])
    ome("in/b.ome.tif", np.concatenate([FIELD[:1] * 0, FIELD]), ("other", *GIVEN))
    ome("in/c.ome.tif", FIELD, ("x", "y"))
    assert run_command_line(["translate", str(run), "in", "-o", "new/out", "-q"]) == 0
    for name in "abc":
        path = Path(f"new/out/{name}.ome.tif")
        assert np.array_equal(tifffile.imread(path), right[0]), name
    with tifffile.TiffFile(path) as file:
        assert 'Name="dapi"' in file.ome_metadata and 'PhysicalSizeX="0.325"' in file.ome_metadata  # type: ignore[operator]
    read = OmeTiff().read(path)
    assert read.spec.origin == "generated" and read.spec.names["channel"] == ("dapi",)
    assert np.abs(OmeTiff().read(path).samples.numpy()).max() <= 1


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr(run: Path, right: NDArray[Any], inside: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(writing, "CHUNK", 16)
    write_ome_zarr(Path("in/a.zarr"), FIELD[None, :, None], version)
    words = ["translate", str(run), "in", "-o", "out", "--channels", "0,1", "--tile", "8", "-q"]
    assert run_command_line(words) == 0
    (volume,) = open_volumes(Path("out/a.ome.zarr"), None)
    assert np.abs(volume.read(0, 0)[0].astype(int) - right[0]).max() <= 4  # rounding of float32, 1e-4 of 39000
    assert volume.names == ("dapi",) and volume.pixel_size == 0.25 and volume.type == "uint16"
    assert (Path("out/a.ome.zarr/.zgroup")).exists() == (version == "0.4")
    assert run_command_line(words) == 0
    assert run_command_line([*words, "--overlap", "0"]) == 1


def test_without_zarr_the_extra_is_named(
    run: Path, inside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/a.zarr").mkdir()
    monkeypatch.setitem(sys.modules, "zarr", None)
    assert run_command_line(["translate", str(run), "in/a.zarr", "-o", "out"]) == 1
    assert "pip install 'gantk[microscopy]'" in capsys.readouterr().err
    ome("in/a.ome.tif", FIELD)
    assert run_command_line(["translate", str(run), "in/a.ome.tif", "-o", "out", "--format", "ome.zarr"]) == 1
    assert "pip install 'gantk[microscopy]'" in capsys.readouterr().err


@pytest.mark.long
def test_a_czi_that_zeiss_s_library_wrote(
    run: Path, right: NDArray[Any], inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its channels lie in another order than in training, and it says how large a pixel is."""
    pytest.importorskip("bioio_czi", reason="make test-long installs it")
    czi = pytest.importorskip("pylibCZIrw.czi", reason="make test-long installs it")

    def write(path: str, planes: NDArray[Any], names: tuple[str, ...], times: int = 1) -> None:
        with czi.create_czi(path) as document:
            for t in range(times):
                for c, plane in enumerate(planes):
                    document.write(data=plane[..., None], plane={"T": t, "C": c, "Z": 0})
            document.write_metadata("a", channel_names=dict(enumerate(names)), scale_x=0.25e-6, scale_y=0.25e-6)

    write("in/a.czi", FIELD[[1, 0, 0]], ("z", "other", "phase"))
    write("in/film.czi", FIELD, GIVEN, times=2)
    Path("in/broken.czi").write_bytes(Path("in/a.czi").read_bytes()[:700])
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 1
    err = capsys.readouterr().err
    assert "1 translated, 2 failed" in err, err
    assert err.count("broken.czi") == 1 and "broken.czi cannot be read: Not enough data" in err, err
    assert "film.czi has 2 time points and 1 planes" in err, err
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.ome.tif"]
    assert np.array_equal(tifffile.imread("out/a.ome.tif"), right[0])
    with tifffile.TiffFile("out/a.ome.tif") as file:
        assert 'Name="dapi"' in file.ome_metadata and 'PhysicalSizeX="0.25"' in file.ome_metadata  # type: ignore[operator]


@pytest.mark.long
@pytest.mark.parametrize("ending", [".nd2", ".lif"])
def test_a_broken_nd2_or_lif_is_named_and_passed_over(
    ending: str, run: Path, right: NDArray[Any], inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That a good one is translated has not been tried: no library writes them."""
    pytest.importorskip("bioio", reason="make test-long installs it")
    ome("in/good.ome.tif", FIELD)
    Path(f"in/bad{ending}").write_bytes(b"no image" * 100)
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 1
    err = capsys.readouterr().err
    assert f"bad{ending}" in err and "cannot be read" in err and "1 translated" in err, err
    assert np.array_equal(tifffile.imread("out/good.ome.tif"), right[0])


@pytest.mark.parametrize(
    "how",
    [
        {"tile": (16, 32), "compression": "zlib"},
        {"rowsperstrip": 7, "compression": "zlib", "predictor": True},
        {},
        {"byteorder": ">"},
        {"compression": "zlib"},
    ],
)
def test_files_larger_than_memory_are_read_and_written_in_parts(
    run: Path, right: NDArray[Any], inside: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    for module in (reading, writing):
        monkeypatch.setattr(module, "RESIDENT", 0)
    monkeypatch.setattr(writing, "CHUNK", 16)
    ome("in/a.ome.tif", FIELD, **how)
    planes = reading.open_planes(Path("in/a.ome.tif"))
    assert isinstance(planes.rows, reading.TiffRows) and planes.names == GIVEN and planes.pixel_size == 0.325
    for top, bottom in ((0, 45), (0, 3), (5, 9), (15, 17), (44, 45)):
        assert np.array_equal(planes.rows(1, top, bottom), FIELD[1, top:bottom])
        assert np.array_equal(planes.rows(0, top, bottom), FIELD[0, top:bottom])
    assert run_command_line(["translate", str(run), "in", "-o", "out", "-q"]) == 0
    with tifffile.TiffFile("out/a.ome.tif") as file:
        assert file.pages.first.is_tiled and np.array_equal(file.asarray(), right[0])
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.ome.tif"]


def test_mean_and_spread_of_draws(run: Path, inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ome("in/a.ome.tif", FIELD)
    words = ["translate", str(run), "in/a.ome.tif", "-o", "out", "--draws", "3", "--seed", "4"]
    assert run_command_line(words) == 0
    mean, spread = gantk.load(run).translate_draws(FIELD, 3, seed=4)
    assert np.array_equal(tifffile.imread("out/a.ome.tif"), mean[0].round().astype(np.uint16))
    assert np.array_equal(tifffile.imread("out/a_spread.ome.tif"), spread[0]) and spread.max() > 0
    Path("out/a_spread.ome.tif").unlink()  # as if it had stopped between the two
    capsys.readouterr()
    assert run_command_line(words) == 0
    assert "1 translated" in capsys.readouterr().err and Path("out/a_spread.ome.tif").exists()
    assert run_command_line(words) == 0
    assert "1 there already" in capsys.readouterr().err


def damaged(path: str) -> None:
    ome(path, FIELD, compression="zlib")
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])


def named_elsewhere(path: str) -> None:
    Path(path).symlink_to("/dev/zero")


BROKEN: dict[str, tuple[str, Callable[[str], None], str]] = {
    "empty": ("x.tif", lambda path: Path(path).write_bytes(b""), "x.tif cannot be read: it is empty"),
    "damaged": ("x.ome.tif", damaged, "x.ome.tif"),
    "text": ("x.png", lambda path: Path(path).write_text("no picture"), "x.png cannot be read"),
    "one channel": ("x.tif", lambda path: tifffile.imwrite(path, FIELD[0]), "has 1 channel, and the model is given 2"),
    "three": (
        "x.ome.tif",
        lambda path: ome(path, FIELD[[0, 0, 1]], ("a", "b", "c")),
        "has 3 channels (a, b, c), and the model is given 2 (phase, z); say which, in order: --channels",
    ),
    "stack": (
        "x.ome.tif",
        lambda path: tifffile.imwrite(
            path, np.stack([FIELD, FIELD]), ome=True, metadata={"axes": "ZCYX"}, photometric="minisblack"
        ),
        "x.ome.tif is 2 × 2 × 45 × 70 (ZCYX), a z-stack: project it first",
    ),
    "nan": (
        "x.ome.tif",
        lambda path: ome(path, np.full((2, 9, 9), np.nan, np.float32)),
        "x.ome.tif cannot be read: it has pixels that are not numbers",
    ),
    "device": ("x.tif", named_elsewhere, "is a device: give a plain file"),
    "missing": ("x.tif", lambda path: None, "x.tif: there is no such file"),
    "other": ("x.txt", lambda path: Path(path).write_text("words"), "x.txt: read are names that end in"),
    "zarr": ("x.zarr", lambda path: Path(path).mkdir(), "x.zarr"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named_and_passed_over(
    run: Path, right: NDArray[Any], inside: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    name, make, message = BROKEN[kind]
    make(f"in/{name}")
    ome("in/sound.ome.tif", FIELD)
    words = ["translate", str(run), f"in/{name}", "in/sound.ome.tif", "-o", "out", "--json"]
    assert run_command_line(words) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert message in err and "Traceback" not in err and len(document["failed"]) == 1
    assert np.array_equal(tifffile.imread("out/sound.ome.tif"), right[0])
    assert not [path for path in Path("out").iterdir() if path.name.startswith(".")]


def test_incomplete_fields_and_sizes_that_differ(run: Path, inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite("in/f1_phase.tif", FIELD[0])
    tifffile.imwrite("in/f2_phase.tif", FIELD[0])
    tifffile.imwrite("in/f2_z.tif", FIELD[1, :20])
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 1
    err = capsys.readouterr().err
    assert "field f1 has no file with z" in err
    assert "field f2 are of several sizes: f2_phase.tif 45 x 70, f2_z.tif 20 x 70" in err


def test_folders_of_channels(run: Path, right: NDArray[Any], inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, plane in zip(GIVEN, FIELD, strict=True):
        Path("in", name).mkdir()
        tifffile.imwrite(f"in/{name}/one.tif", plane)
    tifffile.imwrite("in/phase/two.tif", FIELD[0])
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 1
    assert "field two has no file in z" in capsys.readouterr().err
    assert np.array_equal(tifffile.imread("out/one.ome.tif"), right[0])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["in/a.ome.tif", "--tile", "10"], 1, "multiples of 4 pixels"),
        (["in/a.ome.tif", "--to", "dapi"], 1, "one direction"),
        (["in/a.ome.tif", "--channels", "phse,z"], 1, "no channel 'phse'; it has phase, z. Did you mean phase?"),
        (["in/a.ome.tif", "--channels", "0,7"], 1, "there is no channel 7"),
        (["in/a.ome.tif", "in/b/a.tif"], 2, "would be written to one file"),
        (["empty"], 2, "no images in empty"),
        ([], 2, "Missing argument 'FILES...'"),
    ],
)
def test_what_cannot_be_done_is_told(
    run: Path, inside: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    Path("empty").mkdir()
    Path("in/b").mkdir()
    ome("in/a.ome.tif", FIELD)
    ome("in/b/a.tif", FIELD)
    assert run_command_line(["translate", str(run), *words, "-o", "out"]) == code
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


def test_inputs_and_other_files_are_never_written_over(
    run: Path, inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ome("in/a.ome.tif", FIELD)
    before = Path("in/a.ome.tif").read_bytes()
    assert run_command_line(["translate", str(run), "in/a.ome.tif", "-o", "in", "--force"]) == 1
    assert "is itself the input" in capsys.readouterr().err and Path("in/a.ome.tif").read_bytes() == before
    Path("out/a.ome.tif").mkdir(parents=True)
    Path("out/a.ome.tif/kept").write_text("mine")
    assert run_command_line(["translate", str(run), "in/a.ome.tif", "-o", "out", "--force"]) == 2
    assert "is a folder" in capsys.readouterr().err and Path("out/a.ome.tif/kept").read_text() == "mine"
    shutil.rmtree("out")
    Path("out").mkdir()
    Path("out/a.ome.tif").write_text("mine")
    assert run_command_line(["translate", str(run), "in/a.ome.tif", "-o", "out"]) == 1
    assert "is none of gantk translate" in capsys.readouterr().err and Path("out/a.ome.tif").read_text() == "mine"


@pytest.mark.parametrize(
    ("parts", "names", "fields", "others"),
    [
        (("phase", "z"), ["f1_phase.tif", "f1_z.tif", "f1_dapi.tif"], ["f1"], 1),
        (("D", "F"), ["DF_1.tif", "DF_2.tif"], ["DF_1", "DF_2"], 0),
        (("D", "F"), ["1_D.tif", "1_F.tif", "1_R.tif"], ["1"], 1),
        (("phase",), ["f1_phase.tif", "f1_dapi.tif"], ["f1_phase"], 1),
        (("A",), ["A_01.tif", "B_01.tif"], ["A_01", "B_01"], 0),
        ((0, 1), ["a.tif", "b.png"], ["a", "b"], 0),
        ((), ["a.tif"], ["a"], 0),
        (("phase", "z"), ["phase.tif", "z.tif"], ["in"], 0),
    ],
)
def test_which_files_make_a_field(
    inside: Path, parts: tuple[int | str, ...], names: list[str], fields: list[str], others: int
) -> None:
    for name in (*names, ".DS_Store", "._f1_phase.tif"):
        Path("in", name).touch()
    found = find_inputs([Path("in")], parts)
    assert [each.name for each in found.fields] == fields and not found.broken
    assert [text.split()[0] for text in found.passed_over] == ([str(others)] if others else [])


def test_another_kind_of_model_is_refused(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("ring.yaml").write_text(
        "data: {use: basics/ring}\ngenerator: {use: basics/mlp}\ncritic: {use: basics/mlp}\n"
        "loss: {use: basics/gan}\ntrain: {steps: 1, batch: 4}\nevaluate: []\n"
    )
    run = gantk.run("ring.yaml", out="run", quiet=True).path
    ome("in/a.ome.tif", FIELD)
    capsys.readouterr()
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 1
    assert "this model does not translate pictures" in capsys.readouterr().err and not Path("out").exists()


@pytest.mark.long
def test_a_real_field_in_tiles(test_data: Path, inside: Path) -> None:
    root = test_data / "microscopy" / "phase"
    if not root.is_dir():
        pytest.skip(f"not among the test data: {root}")
    changes = {"data.root": str(root), "train.steps": 40, "generator.width": 8, "train.sample_every": 40}
    trained = gantk.run("phase_l1", out="run", quiet=True, overrides={**changes, "evaluate": []})
    model = gantk.load(trained.path)
    planes = [np.asarray(Image.open(root / f"phase_z{z}.png")) for z in ("02", "06", "10")]
    (channel,) = model.spec.attributes["normalisation"]["target"]
    whole = model.translate(np.stack(planes), tile=1024)
    differences = {}
    for overlap in (0, 16, 32, None):
        made = model.translate(np.stack(planes), tile=256, overlap=overlap)
        differences[overlap] = float(np.abs(made - whole).max() / (channel["high"] - channel["low"]))
    sys.stdout.write(f"greatest difference by overlap, shares of the range: {differences}\n")  # pytest -s shows it
    assert differences[None] <= 1e-4 < differences[16] < differences[0], differences


def test_what_a_png_does_not_hold(run: Path, inside: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(translate, "MOST_OF_PNG", 100)
    for name, plane in zip(GIVEN, FIELD, strict=True):
        png(f"in/f_{name}.png", plane)
    assert run_command_line(["translate", str(run), "in", "-o", "out", "--format", "png"]) == 1
    assert "a PNG does not hold 1 × 45 × 70 pixels of uint16: take --format ome.tif" in capsys.readouterr().err
    assert run_command_line(["translate", str(run), "in", "-o", "out"]) == 0
    assert "are written as OME-TIFF" in capsys.readouterr().err and Path("out/f.ome.tif").exists()


def test_what_a_killed_process_left_is_removed(run: Path, inside: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = int(ended.stdout)
    Path("out").mkdir()
    Path(f"out/.a.ome.tif.{dead}.part.pixels").write_bytes(b"x")
    Path(f"out/.a.ome.zarr.{dead}.part/0").mkdir(parents=True)
    Path(f"out/.b.png.{os.getpid()}.part").write_bytes(b"x")  # of one that still writes
    ome("in/a.ome.tif", FIELD)
    assert run_command_line(["translate", str(run), "in", "-o", "out", "-q"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [f".b.png.{os.getpid()}.part", "a.ome.tif"]


def test_a_write_that_fails_leaves_nothing_behind(run: Path, inside: Path) -> None:
    output = writing.Output(
        *(Path("a.ome.tif"), "ome.tif", (1, 4, 4), "uint16", ("dapi",), None, writing.Levels((0,), (9,), "uint16")),
        {"model": ""},
        "",
    )

    def strips() -> Any:
        yield np.zeros((1, 2, 4), np.float32)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writing.write_strips(output, strips())
    assert [path.name for path in inside.iterdir()] == ["in"]


def test_another_exposure_is_warned_of(run: Path, inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ome("in/a.ome.tif", (FIELD // 256).astype(np.uint8))
    tifffile.imwrite("in/b.tif", FIELD.astype(np.float32) * 100, photometric="minisblack")
    assert run_command_line(["translate", str(run), "in/b.tif", "-o", "out"]) == 0
    err = capsys.readouterr().err
    assert "b: phase has a mean of 1.6" in err and "far from the" in err


def test_of_two_domains(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for domain in ("he", "ihc"):
        Path("data", domain).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(RNG.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(f"data/{domain}/{number}.png")
    Path("cycle.yaml").write_text(
        "data: {use: cells/unpaired, root: data, a: he, b: ihc, size: 16}\n"
        "generator: {use: basics/resnet, width: 2, blocks: 1}\n"
        "critic: {use: basics/patch, width: 2, patch: 16}\n"
        "loss: {use: basics/cyclegan}\n"
        "train: {steps: 1, batch: 1}\n"
        "evaluate: []\n"
    )
    run = gantk.run("cycle.yaml", out="run", quiet=True).path
    picture = RNG.integers(0, 255, (33, 20, 3), dtype=np.uint8)
    Image.fromarray(picture).save("in/new.png")
    capsys.readouterr()
    for to in ("ihc", "he"):
        assert run_command_line(["translate", str(run), "in", "-o", to, "--to", to]) == 0
        right = gantk.load(run).translate(picture.transpose(2, 0, 1), to=to)
        made = np.asarray(Image.open(f"{to}/new.png")).transpose(2, 0, 1)
        assert made.shape == (3, 33, 20) and np.abs(made - right).max() <= 0.51
    assert "translated whole" in capsys.readouterr().err
    assert run_command_line(["translate", str(run), "in", "-o", "x", "--tile", "8"]) == 1
    assert "generator.normalisation=batch" in capsys.readouterr().err
