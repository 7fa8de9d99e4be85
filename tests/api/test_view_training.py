"""`gantk view --training`: as many pictures as can be looked at, and only one of them in memory at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from gantk.api import view
from gantk.files.pictures import evenly
from gantk.files.run_folder import RunFolder


@pytest.fixture(scope="module", autouse=True)
def drawn_in_part() -> None:
    """These tests look at pictures with axes."""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    (path / "samples").mkdir(parents=True)
    (path / "resolved.yaml").write_text("{}")
    for number in range(1, 41):
        Image.new("RGB", (30, 20), (6 * number, 0, 0)).save(path / "samples" / f"step-{number:06d}.png")
    return path


def reds(path: Path) -> list[int]:
    with Image.open(path) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(round(image.convert("RGB").getpixel((5, 5))[0] / 6))
        return found


def test_all_pictures_where_they_are_few(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    view.write_training(run, tmp_path / "all.gif")
    assert reds(tmp_path / "all.gif") == list(range(1, 41))
    view.write_training(run, tmp_path / "all.png")
    with Image.open(tmp_path / "all.png") as image:
        assert image.size == (30, 800)
        assert [round(image.getpixel((3, 20 * number + 3))[0] / 6) for number in range(40)] == list(range(1, 41))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("limit", ["MOST_FRAMES", "MOST_PIXELS"])
def test_of_many_some_are_chosen_and_it_is_said(
    run: Path, tmp_path: Path, limit: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(view, limit, {"MOST_FRAMES": 14, "MOST_PIXELS": 14 * 600}[limit])
    monkeypatch.setattr(view, "MOST_HEIGHT", 14 * 20)
    for name in ("some.gif", "some.png"):
        view.write_training(run, tmp_path / name)
        assert "14 of 40 pictures" in capsys.readouterr().err
    assert reds(tmp_path / "some.gif") == list(range(1, 41, 3))
    with Image.open(tmp_path / "some.png") as image:
        assert image.size == (30, 280)


def test_files_are_opened_one_after_another(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Image.Image] = []
    real = Image.open

    def counting(*arguments: object, **named: object) -> Image.Image:
        assert all(image.fp is None for image in opened), "one is still open"
        opened.append(real(*arguments, **named))
        return opened[-1]

    monkeypatch.setattr(Image, "open", counting)
    view.write_training(run, tmp_path / "all.gif")
    assert len(opened) >= len(RunFolder(run).step_pictures())


def test_evenly_has_the_first_and_the_last() -> None:
    for most in range(2, 12):
        for count in range(1, 40):
            found = evenly(list(range(count)), most)
            assert len(found) == min(count, most)
            assert found[0] == 0 and found[-1] == count - 1
            assert found == sorted(set(found))
