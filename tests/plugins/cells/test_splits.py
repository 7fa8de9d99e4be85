"""No image stands in two splits, turned over or not; a set without equal ones is split by the names of its files."""

from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from gantk_basics.data.image_splits import all_splits
from gantk_basics.files.images.class_images import ClassImages
from gantk_basics.files.images.equal_images import digests
from gantk_cells.data.lin import Lin
from gantk_cells.data.stacks import Stacks
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gantk.data import take
from gantk.errors import DataError

TURNS = [np.s_[:, :, :], np.s_[:, ::-1, :], np.s_[:, :, ::-1], np.s_[:, ::-1, ::-1]]


def a_class(name: str, images: np.ndarray) -> ClassImages:
    files = [f"{name}{i:03}.png" for i in range(len(images))]
    return ClassImages(name, files, images, padded=np.zeros(len(images), np.int64), digests=digests(images))


@given(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3)), min_size=40, max_size=90), st.integers(0, 2**31))
def test_no_image_is_in_two_splits_whatever_is_equal(drawn: list[tuple[int, int]], seed: int) -> None:
    different = np.random.default_rng(seed).integers(0, 256, (26, 2, 4, 5), np.uint8)
    images = np.stack([different[which][TURNS[turn]] for which, turn in drawn])
    third = len(images) // 3
    classes = [a_class("A", images[: 2 * third]), a_class("B", images[2 * third :])]
    try:
        found = all_splits({"train": classes}, (0.1, 0.1))
    except DataError as error:
        assert "too few" in str(error)
        return
    where: dict[bytes, set[str]] = {}
    for split, parts in found.items():
        for part in parts:
            assert len(part.files) == len(part.images) == len(part.digests)
            for image in part.images:
                where.setdefault(min(image[turn].tobytes() for turn in TURNS), set()).add(split)
    assert all(len(splits) == 1 for splits in where.values())
    assert sum(len(part.images) for parts in found.values() for part in parts) == len(drawn)  # none is lost
    for number, one in enumerate(classes):  # the first of equal ones is where its name alone would have put it
        names = [file for parts in found.values() for file in parts[number].files]
        assert sorted(names) == sorted(one.files)


@given(st.integers(8, 60), st.floats(0.02, 0.4), st.floats(0.02, 0.4))
def test_without_equal_images_names_alone_decide(count: int, validation: float, test: float) -> None:
    images = np.arange(count * 20, dtype=np.uint16).reshape(count, 1, 4, 5)
    one = a_class("A", images)
    share = [int.from_bytes(blake2b(file.encode(), digest_size=8).digest(), "big") / 2**64 for file in one.files]
    order = np.argsort(share)
    tested = max(1, sum(each < test for each in share))
    validated = max(1, sum(each < test + validation for each in share) - tested)
    expected = {"test": order[:tested], "validation": order[tested : tested + validated]}
    if tested + validated >= count:
        with pytest.raises(DataError, match="too few"):
            all_splits({"train": [one]}, (validation, test))
        return
    found = all_splits({"train": [one]}, (validation, test))
    for split, rows in expected.items():
        assert found[split][0].files == [one.files[i] for i in sorted(rows)]


@given(st.integers(0, 3), st.sampled_from(["uint8", "uint16", "float32"]), st.integers(0, 2**31))
def test_digests_of_turned_images_are_equal_and_of_others_are_not(turn: int, type: str, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 200, (3, 2, 4, 5)).astype(type)
    images[1] = images[0][TURNS[turn]]
    first, turned, other = (row.tobytes() for row in digests(images))
    assert first == turned != other


def save(folder: Path, images: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"c{i:02}.png")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 3, 8, 10), np.uint8)


@pytest.mark.parametrize("split", ["test", "val"])
def test_training_images_that_a_held_out_folder_has_are_left_out_and_said(
    tmp_path: Path, images: np.ndarray, capsys: pytest.CaptureFixture[str], split: str
) -> None:
    save(tmp_path / "train", images[:20])
    save(tmp_path / split, np.concatenate([images[:2], images[2:4, :, ::-1], images[20:]]))  # two of them turned over
    full = {"test": "test", "val": "validation"}[split]
    train, held_out = (Lin(each, root=tmp_path, channels=[0, 1]) for each in ("train", full))
    said = capsys.readouterr().err
    assert len(held_out) == 8
    assert "4 training images equal a held-out image, turned over or not, and are left out" in said
    seen = {min(image[turn].tobytes() for turn in TURNS) for image in take(train, len(train)).samples.numpy()}
    assert not seen & {min(i[turn].tobytes() for turn in TURNS) for i in take(held_out, 8).samples.numpy()}


@pytest.mark.parametrize("data", [Lin, Stacks])
def test_equal_files_are_counted(
    tmp_path: Path, images: np.ndarray, capsys: pytest.CaptureFixture[str], data: type
) -> None:
    save(tmp_path / "wt", np.concatenate([images, images[:6]]))
    sizes = [len(data(split, root=tmp_path / "wt", channels=[0, 1])) for split in ("train", "validation", "test")]
    assert sum(sizes) == 30
    assert "6 of 30 images equal another one, turned over or not" in capsys.readouterr().err


def test_nothing_left_is_said(tmp_path: Path, images: np.ndarray) -> None:
    save(tmp_path / "train", images[:6])
    save(tmp_path / "test", images[:6])
    with pytest.raises(DataError, match="every image of train is also a held-out image"):
        Lin("train", root=tmp_path, channels=[0, 1])


def fields_of(split: str, root: Path, **given: object) -> set[str]:
    """Which fields the images of a split are of: each field has a grey of its own."""
    data = Lin(split, root=root, channels=[0], **given)  # type: ignore[arg-type]
    return {str(round(value)) for value in ((take(data, 999).samples[:, 0, 1, 1] + 1) * 127.5).tolist()}


@pytest.fixture
def of_six_fields(tmp_path: Path) -> Path:
    """Two classes, ten images of each of six fields in each; cells.csv, sub-folders and names say which."""
    rows = ["file,field,plate,half"]
    for name in ("A", "B"):
        for field in range(6):
            folder = tmp_path / "data" / name / f"rep{field}"
            folder.mkdir(parents=True)
            for number in range(10):
                pixels = np.full((4, 6, 3), 10 * (field + 1), np.uint8)
                pixels[0, :5, 0] = [number, field, ord(name), 1, 2]  # no two are equal
                path = folder / f"f{field}_{name}{number}.png"
                Image.fromarray(pixels).save(path)
                rows.append(f"{name}/rep{field}/{path.name},{field},{field // 2},{field // 3}")
    (tmp_path / "cells.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "data"


@pytest.mark.parametrize("split_by", ["field", "folder", "rep*/f{field}_*", "plate"])
def test_what_belongs_together_is_in_one_split(split_by: str, of_six_fields: Path) -> None:
    found = {split: fields_of(split, of_six_fields, split_by=split_by) for split in ("train", "validation", "test")}
    held = 2 if split_by == "plate" else 1
    assert [len(found[split]) for split in ("test", "validation", "train")] == [held, held, 6 - 2 * held]
    assert set.union(*found.values()) == {str(10 * (field + 1)) for field in range(6)}
    again = {split: fields_of(split, of_six_fields, split_by=split_by) for split in found}
    assert again == found


def test_without_split_by_a_field_is_in_several_splits(of_six_fields: Path) -> None:
    assert fields_of("train", of_six_fields) & fields_of("test", of_six_fields)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"split_by": "well"}, "has no column well; it has file, field, plate, half"),
        ({"split_by": "f{field}.png"}, "is not called so"),
        ({"split_by": "half"}, "gives 2 groups, but train, validation and test need 3 or more"),
    ],
)
def test_groups_that_cannot_be_made_are_told(given: dict, said: str, of_six_fields: Path) -> None:
    with pytest.raises(DataError) as caught:
        Lin("train", root=of_six_fields, channels=[0], **given)
    assert said in str(caught.value)


def test_a_missing_table_is_told_with_what_to_write_instead(of_six_fields: Path) -> None:
    (of_six_fields.parent / "cells.csv").unlink()
    with pytest.raises(DataError, match=r"no table cells\.csv .* data\.split_by=folder"):
        Lin("train", root=of_six_fields, channels=[0], split_by="field")


def test_hidden_cells_show_one_protein_each_in_turn(tmp_path: Path) -> None:
    import tifffile

    for number in range(30):
        stack = np.full((3, 4, 6), number, np.uint8) + np.array([0, 60, 120], np.uint8)[:, None, None]
        stack[:, 0, 0] += 1 + number % 5
        tifffile.imwrite(tmp_path / f"{number:02}.ome.tif", stack, metadata={"axes": "CYX"}, photometric="minisblack")
    shown: dict[str, list[set[float]]] = {}
    for hide in (None, "alternate"):
        data = Stacks("train", root=tmp_path, layout="per_class", hide=hide)  # type: ignore[arg-type]
        pixels = ((take(data, 99).samples[:, :, :, 2, 2] + 1) * 127.5).round()  # (N, 2, 2): red and green
        shown[str(hide)] = [set(pixels[:, k, 0].tolist()) for k in (0, 1)]
        assert bool((pixels[:, :, 1] - pixels[:, :, 0] == pixels.new_tensor([60, 120])).all())  # green is of that cell
    assert shown["None"][0] == shown["None"][1] == shown["alternate"][0] | shown["alternate"][1]
    assert not shown["alternate"][0] & shown["alternate"][1]
    assert abs(len(shown["alternate"][0]) - len(shown["alternate"][1])) <= 1
    with pytest.raises(DataError, match=r"data\.layout=per_class"):
        Stacks("train", root=tmp_path, hide="alternate")
