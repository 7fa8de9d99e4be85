"""Layouts of folders that everybody uses: read as they are meant, or refused with the line that would read them."""

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tifffile
from gantk_basics.files.images.channel_files import folders_of_channels, grouped, markers_of, names_in_labels, names_of
from gantk_basics.files.images.folders import Rules, find
from gantk_basics.files.images.split_folders import split_of
from gantk_cells.data.lin import Lin
from gantk_cells.data.stacks import Stacks
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gantk.cli import run_command_line
from gantk.data import take
from gantk.errors import DataError
from gantk.recipe import parameters_of

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes small grey images, each another: write({"a/b": 3}, ".png") -> the folder above."""
    rng = np.random.default_rng(0)

    def make(files: dict[str, int | Sequence[str]], ending: str = ".png") -> Path:
        for folder, names in files.items():
            place = tmp_path / "own" / folder
            place.mkdir(parents=True, exist_ok=True)
            for name in [f"{place.name}{i:02}" for i in range(names)] if isinstance(names, int) else names:
                Image.fromarray(rng.integers(0, 256, (8, 10), np.uint8)).save(place / f"{name}{ending}")
        return tmp_path / "own"

    return make


SPLITS = [
    ({"a_train/A": 5, "a_test/A": 3}, {"A": (5, None, 3)}),
    ({"Train/A": 5, "Train/B": 4, "Test/A": 3, "Test/B": 2}, {"A": (5, None, 3), "B": (4, None, 2)}),
    ({"TRAINING/A": 5, "testing/A": 3, "Validation/A": 2}, {"A": (5, 2, 3)}),
    ({"train/A": 5, "val/A": 2}, {"A": (5, 2, None)}),
    ({"train/A": 5, "valid/A": 2, "test/A": 3}, {"A": (5, 2, 3)}),
    ({"trainA": 5, "trainB": 4, "testA": 3, "testB": 2}, {"A": (5, None, 3), "B": (4, None, 2)}),
    ({"trainA": 5, "trainB": 4, "valA": 3, "valB": 2}, {"A": (5, 3, None), "B": (4, 2, None)}),
    ({"A/train": 5, "A/test": 3, "B/train": 4, "B/test": 2}, {"A": (5, None, 3), "B": (4, None, 2)}),
    ({"train": 5, "test": 3, "val": 2}, {"train": (5, 2, 3)}),  # of images, without classes
    ({"A": 5, "B": 4}, {"A": (5, None, None), "B": (4, None, None)}),
    ({"latest": 5, "Trainer": 4}, {"Trainer": (4, None, None), "latest": (5, None, None)}),  # no splits
]


@pytest.mark.parametrize(("files", "meant"), SPLITS)
def test_splits_are_read_as_their_folders_say(
    write: Write, files: dict[str, int], meant: dict[str, tuple[int | None, ...]]
) -> None:
    tree = find(write(files), None)
    found = {}
    for number, folder in enumerate(tree.train):
        parts = (tree.train, tree.validation, tree.test)
        found[folder.name] = tuple(None if part is None else len(part[number].files) for part in parts)
    assert found == meant


def test_a_validation_folder_is_the_validation_split(write: Write) -> None:
    root = write({"train/A": 9, "val/A": 4})
    sizes = {split: len(Lin(split, root=root, channels=[0])) for split in ("train", "validation", "test")}
    assert sizes["validation"] == 4 and sizes["train"] + sizes["test"] == 9 and sizes["test"] >= 1
    stacked = {split: Stacks(split, root=rgb(root), channels=[0, 1]) for split in ("train", "validation")}
    assert len(stacked["validation"]) == 4


def rgb(root: Path) -> Path:
    """The images of class A in colours, in folders of their own."""
    rng = np.random.default_rng(1)
    for path in root.rglob("*.png"):
        place = root.parent / "flat" / path.relative_to(root).parts[0]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 10, 3), np.uint8)).save(place / path.name)
    return root.parent / "flat"


def test_two_folders_of_one_split_are_not_guessed(write: Write) -> None:
    with pytest.raises(DataError, match="both the validation split"):
        find(write({"train/A": 5, "val/A": 2, "valid/A": 2}), None)


DEEPER = [
    ({"A/plate1": 4}, 4, "4 images in plate1/ read as images of A, too"),
    ({"A": 3, "A/rep2": 4}, 7, "4 images in rep2/ read as images of A, too"),
    ({"A/day 1": 3, "A/day 2": 4}, 7, "3 images in day 1/, 4 images in day 2/ read"),
    ({"A/images": 3, "A/masks": 3}, 3, "3 images in A/masks/ passed over: by its name it holds masks"),
    (
        {"A": 3, "A/discarded": 2},
        3,
        "2 images in A/discarded/ passed over; to read them as images of A: data.sub_folders=pool",
    ),
    ({"A/rep1/B02": 3, "A/rep2/B02/masks": 2, "A/rep2/B02": 2}, 5, "3 images in rep1/, 2 images in rep2/ read"),
]


@pytest.mark.parametrize(("files", "count", "says"), DEEPER)
def test_what_lies_deeper_is_read_or_passed_over_and_said(
    write: Write, capsys: pytest.CaptureFixture[str], files: dict[str, int], count: int, says: str
) -> None:
    root = write({**files, "B": 4})
    tree = find(root, None)
    assert [len(folder.files) for folder in tree.train] == [count, 4]
    assert any(says in note for note in tree.every_note())
    Lin("train", root=root, channels=[0])
    assert says in capsys.readouterr().err


def test_the_lines_that_are_named_read_what_was_refused(write: Write) -> None:
    root = write({"exp/Arp3": 3, "exp/Tea1": 4})
    with pytest.raises(DataError, match="has no images, but its sub-folders have") as caught:
        find(root, None)
    classes, pooled = [line.split("  ")[-1].strip() for line in str(caught.value).splitlines()[1:]]
    assert [each.name for each in find(Path(classes.removeprefix("data.root=")), None).train] == [
        "Arp3",
        "Tea1",
    ]
    settings = parameters_of([pooled.removeprefix("data.")])
    assert len(find(root, None, Rules(**settings)).train[0].files) == 7


def test_files_that_are_no_images_for_us_are_counted(write: Write, tmp_path: Path) -> None:
    root = write({"A": 4})
    for name in ("a.gif", "b.gif", "c.nd2", "notes.txt"):
        (root / "A" / name).write_bytes(b"x")
    Image.new("L", (10, 8)).save(root / "A" / "A00_mask.png")
    tree = find(root, None)
    assert len(tree.train[0].files) == 4
    (masks, said) = tree.every_note()
    assert "2 ending in .gif, 1 ending in .nd2 passed over" in said and "txt" not in said
    assert "1 image in A/ passed over: by their names they are masks of others" in masks
    for path in (root / "A").glob("*.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"no images(.|\n)*2 ending in .gif"):
        find(root, None)


def test_jpeg_is_read_and_said(write: Write) -> None:
    root = write({"A": 4})
    write({"A": [f"j{i}" for i in range(4)]}, ".jpg")
    data = Lin("train", root=root, channels=[0])
    assert sum(data.class_counts.values()) >= 5
    assert "4 images are JPEG" in find(root, None).every_note()[0]


def test_masks_beside_classes_are_passed_over_by_their_name(write: Write) -> None:
    root = write({"Arp3": 6, "masks": 6, "Tea1": 6})
    tree = find(root, None)
    assert [each.name for each in tree.train] == ["Arp3", "Tea1"]
    (note,) = tree.every_note()
    line = note.partition("data.")[2]
    assert [each.name for each in find(root, parameters_of([line])["proteins"]).train] == [
        "Arp3",
        "Tea1",
        "masks",
    ]


@pytest.mark.parametrize("channels", [[0], None])
def test_another_number_of_channels_is_refused_across_folders(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], channels: object
) -> None:
    root = write({"Arp3": 0, "cells2": 0})
    rng = np.random.default_rng(0)
    for i in range(9):
        tifffile.imwrite(root / f"Arp3/{i}.tif", rng.integers(0, 99, (2, 16, 24), np.uint8), photometric="minisblack")
        tifffile.imwrite(root / f"cells2/{i}.tif", rng.integers(0, 2, (16, 24), np.uint8), photometric="minisblack")
    with pytest.raises(DataError, match=r"has 1 channel") as caught:
        Lin("train", root=root, channels=channels)
    assert channels is None or "data.proteins names the folders to read" in str(caught.value)
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", str(root)]) == 0  # what it cannot read together it leaves out, and says so
    assert "cells2 is left out of the recipe: its images have 1 channel, others 2" in capsys.readouterr().err
    assert 'proteins: ["Arp3"]' in Path("inspected.yaml").read_text()


@pytest.mark.parametrize(
    ("names", "markers", "called"),
    [
        (["s0_w1DAPI", "s0_w2GFP", "s1_w1DAPI", "s1_w2GFP"], ("_w1DAPI", "_w2GFP"), ("DAPI", "GFP")),
        (["s0_w1DAPI_s1_t1", "s0_w2GFP_s1_t1"], ("_w1DAPI", "_w2GFP"), ("DAPI", "GFP")),
        (["C1-a", "C2-a", "C1-b", "C2-b"], ("C1-", "C2-"), ("C1", "C2")),
        (["a_ch00", "a_ch01", "a_ch02"], ("_ch00", "_ch01", "_ch02"), ("ch00", "ch01", "ch02")),
        (["r01c01-ch1sk1fk1", "r01c01-ch2sk1fk1"], ("-ch1", "-ch2"), ("ch1", "ch2")),
        (["x_red", "x_green", "x_blue", "y_red", "y_green", "y_blue"], ("_blue", "_green", "_red"), None),
        (["p_A01_d0", "p_A01_d1"], ("_d0", "_d1"), ("d0", "d1")),
        (["f1_D", "f1_F", "f1_R", "f2_D", "f2_F", "f2_R"], ("_D", "_F", "_R"), ("D", "F", "R")),
        (["f1_c1", "f1_c2", "f2_c1", "f2_c2"], ("_c1", "_c2"), ("c1", "c2")),
        (["wt_A", "wt_B", "wt_C"], (), None),
        (["c00", "c01", "c02"], (), None),
        (["cell_1", "cell_2"], (), None),
        (["a_GFP", "b_GFP", "c_GFP"], (), None),
        (["f1_c1", "f1_c2", "f2_c1"], (), None),  # cells of a field, not channels
        (["redwood", "greenhouse"], (), None),
    ],
)
def test_names_that_tell_channels_apart(
    names: list[str], markers: tuple[str, ...], called: tuple[str, ...] | None
) -> None:
    assert markers_of([f"{name}.tif" for name in names]) == markers
    assert markers_of([f"rep1/{name}.tif" for name in names]) == markers
    if called:
        assert names_of(markers) == called


@pytest.mark.parametrize(
    "files",
    [
        {"A": [f"s{i}_{mark}" for i in range(6) for mark in ("w1DAPI", "w2GFP")]},
        {"A/DAPI": [f"s{i}" for i in range(6)], "A/GFP": [f"s{i}" for i in range(6)]},
        {"DAPI": [f"s{i}" for i in range(6)], "GFP": [f"s{i}" for i in range(6)]},
    ],
    ids=["names", "folders of a class", "folders"],
)
def test_files_of_one_channel_each_are_refused_and_the_named_line_reads_them(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, list[str]]
) -> None:
    root = write(files)
    with pytest.raises(DataError, match="one channel each") as caught:
        Lin("train", root=root)
    together, apart = [line.partition("data.")[2] for line in str(caught.value).splitlines()[1:]]
    data = {split: Lin(split, root=root, **parameters_of([together])) for split in ("train", "validation", "test")}
    assert sum(map(len, data.values())) == 6 and data["train"].spec.names["channel"] == ("DAPI", "GFP")
    known = {}
    for folder, names in files.items():
        for name in names:
            known[f"{folder}/{name}"] = np.asarray(Image.open(root / folder / f"{name}.png"))
    pairs = {
        (a.tobytes(), b.tobytes())
        for (one, a) in known.items()
        for (two, b) in known.items()
        if "DAPI" in one and two == one.replace("w1DAPI", "w2GFP").replace("DAPI", "GFP")
    }
    assert len(pairs) == 6
    for part in data.values():
        pixels = ((take(part, len(part)).samples.numpy() + 1) * 127.5).round().astype(np.uint8)
        assert {(image[0].tobytes(), image[1].tobytes()) for image in pixels} <= pairs
    if not any("/" in folder for folder in files):
        assert sum(len(Lin(s, root=root, channels=[0], **parameters_of([apart]))) for s in data) == 12
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", str(root), "data.use=cells/lin", "-q"]) == 0
    assert "channel_files" in Path("inspected.yaml").read_text()


def test_a_missing_channel_is_a_damaged_image(write: Write) -> None:
    root = write({"A": [f"s{i}_{mark}" for i in range(6) for mark in ("w1DAPI", "w2GFP")]})
    (root / "A" / "s3_w2GFP.png").unlink()
    markers = ["_w1DAPI", "_w2GFP"]
    with pytest.raises(DataError, match=r"beside s3_w1DAPI\.png there is no file of _w2GFP"):
        Lin("train", root=root, channel_files=markers)
    assert sum(len(Lin(s, root=root, channel_files=markers, damaged="skip")) for s in ("train", "test")) >= 3


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["c:1/2 - cell00.nd2", "c:2/2 - cell00.nd2"], ()),
        (["c:1/2 z:1/1 t:1/1 - a field (series 1)", "c:2/2 z:1/1 t:1/1 - a field (series 1)"], ()),
        (["c:1/2 - DAPI - cell00.nd2", "c:2/2 - GFP - cell00.nd2"], ("DAPI", "GFP")),
        (["DAPI", "GFP"], ("DAPI", "GFP")),
        (["Ch0-DAPI", "Ch1-GFP"], ("Ch0-DAPI", "Ch1-GFP")),
        (["GFP", "GFP"], ()),
        (["cell00.tif"], ()),
        (["stem"], ()),
        ([], ()),
    ],
)
def test_labels_of_slices_are_names_without_files_and_places(labels: list[str], names: tuple[str, ...]) -> None:
    assert names_in_labels(labels, "stem") == names


def test_folders_of_channels() -> None:
    same = {"DAPI": ["a", "b"], "GFP": ["a", "b"]}
    assert folders_of_channels(same) == ("DAPI/", "GFP/")
    assert folders_of_channels({**same, "GFP": ["a", "c"]}) == ()
    assert folders_of_channels({"Arp3": ["a"], "Tea1": ["a"]}) == ()


@pytest.mark.parametrize("name", ["train", "Train", "x_train", "trainA", "TESTING", "my-val", "valid", "validation"])
def test_names_of_splits(name: str) -> None:
    assert split_of(name) is not None


@pytest.mark.parametrize("name", ["trained", "contest", "strain", "vale", "latest", "wt", "A", "training2"])
def test_names_that_are_no_splits(name: str) -> None:
    assert split_of(name) is None


def test_links_are_followed_where_the_recipe_says_so(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = write({"A": 8}).rename(tmp_path / "away")
    root = tmp_path / "linked"
    root.mkdir()
    (root / "A").symlink_to(away / "A")
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", str(root)]) == 2
    said = capsys.readouterr().err
    assert f"leads out of {root}" in said
    line = said.strip().split(": ")[-1]
    assert line == "data.links=follow"
    assert run_command_line(["inspect", *shlex.split(f"{root} {line}")]) == 0
    assert 'links: "follow"' in Path("inspected.yaml").read_text()
    assert run_command_line(["validate", "inspected.yaml"]) == 0
    (root / "B").mkdir()
    for path in (away / "A").iterdir():
        (root / "B" / path.name).symlink_to(path)
    with pytest.raises(DataError, match=r"data\.links=follow"):
        Lin("train", root=root, proteins=["B"], channels=[0])
    assert len(Lin("train", root=root, proteins=["B"], channels=[0], links="follow"))


FOLDERS = ["A", "B", "rep1", "rep2", "masks", "odd", "train", "test", "val", "images", "Tea1"]
FILES = ["a.png", "b.tif", "c.JPG", "a_mask.png", "d.gif"]
PLACES = st.lists(st.sampled_from(FOLDERS), max_size=3).map("/".join)


@settings(max_examples=60)
@given(st.dictionaries(PLACES, st.sets(st.sampled_from(FILES), min_size=1), min_size=1, max_size=6))
def test_every_image_is_read_or_counted_as_passed_over_or_all_is_refused(files: dict[str, set[str]]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder) / "own"
        for place, names in files.items():
            (root / place).mkdir(parents=True, exist_ok=True)
            for name in names:
                (root / place / name).touch()
        try:
            tree = find(root, None)
        except DataError:
            return
        read = {
            (each.path / file).relative_to(root).as_posix()
            for part in tree.splits().values()
            for each in part
            for file in each.files
        }
        assert len(read) == sum(len(each.files) for part in tree.splits().values() for each in part)  # none twice
        notes = [part for note in tree.every_note() for part in note.split(";")[:1] if "passed over" in part]
        told = sum(int(count) for note in notes for count in re.findall(r"(\d+) (?:image|mask|ending)", note))
        assert len(read) + told == sum(map(len, files.values())), tree.every_note()


GUIDS = [f"{number:08X}-A983-4B98-95E9-84466707A25D" for number in range(12)]


def test_identifiers_behind_the_channel_are_no_part_of_it() -> None:
    """As MetaXpress writes them, and BBBC021 has them: another one in every file."""
    names = [f"G10_s{i // 2}_w{i % 2 + 1}{identifier}.tif" for i, identifier in enumerate(GUIDS)]
    assert markers_of(names) == ("_w1", "_w2")
    assert [*grouped(names, ("_w1", "_w2")).values()] == list(zip(names[::2], names[1::2], strict=True))


@pytest.mark.parametrize(
    ("stems", "told"),
    [
        ([f"cell{i}_z{z:02}" for i in range(3) for z in range(4)], "planes of stacks"),
        ([f"Z{z:03}_pos{i}" for i in range(3) for z in range(2)], "planes of stacks"),
        ([f"xy{i}_t{t:03}" for i in range(3) for t in range(4)], "time points of series"),
        ([f"cell{i}_z00" for i in range(8)], None),  # one plane of each
        ([f"bronze{i}" for i in range(8)], None),
        ([f"plot_{i}" for i in range(8)], None),
    ],
)
def test_planes_of_stacks_are_told(write: Write, stems: list[str], told: str | None) -> None:
    tree = find(write({"A": stems}), None)
    notes = [note for note in tree.every_note() if "seem to be" in note]
    assert notes == [note for note in notes if note.startswith(f"A: the files seem to be {told}")]
    assert bool(notes) == (told is not None)
