"""Samples beside their nearest real ones: the right one is found, in the right version, and it is said how."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_basics.metrics.neighbours import Memorisation
from gantk_cells.data.simulated import Simulated
from gantk_dna.alphabet import one_hot, sequence_spec
from gantk_dna.data.onehot import OneHot
from gantk_dna.views.beside import MARK, aligned
from gantk_motif.data import MotifStrings
from gantk_motif.views.strings import BAR, DIFFERENT, LINE, MARGIN, StringsView
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

import gantk
from gantk import neighbours
from gantk.api.nearest import nearest_picture
from gantk.cli import run_command_line
from gantk.data import Resident, generated, take
from gantk.errors import DataError, DoesNotFit, FileError
from gantk.interfaces import MetricInput, Nearest
from gantk.neighbours import nearest_samples
from gantk.reporting import nearest
from gantk.reporting.nearest import nearest_panel
from gantk.reporting.pictures import build_view
from gantk.spec import DataSpec


def images(n: int, units: int, seed: int, flips: tuple[str, ...] = ("y", "x")) -> Resident:
    """Random images of 3 × 4 pixels, `units` of each sample turned over each on its own."""
    shape: tuple[int, ...] = (1, 3, 4)
    shape = (units, *shape) if units else shape
    axes = ("unit", "channel", "y", "x")[-len(shape) :]
    spec = DataSpec(shape=shape, axes=axes, unit_axes=int(units > 0), view="basics/images")
    stored = torch.randint(0, 256, (n, *shape), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return Resident(spec, stored, flips=flips)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 3), st.integers(1, 5), st.integers(1, 12), st.integers(0, 1000), st.sampled_from([1, 40, 10**6]))
def test_the_nearest_is_found_as_by_looking_at_all(units: int, n: int, m: int, seed: int, most: int) -> None:
    real, made = images(m, units, seed), take(images(n, units, seed + 1), n)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(neighbours, "MOST_NUMBERS", most)  # some at a time
        found = nearest_samples(made, real, torch.arange(m), real)
    ours = made.samples.reshape(n, max(units, 1), 1, 3, 4)
    theirs = take(real, m).samples.reshape(m, max(units, 1), 1, 3, 4)
    chosen = found.samples.samples.reshape(n, max(units, 1), 1, 3, 4)
    assert found.distances.shape == (n, max(units, 1)) and found.searched == m
    for row in range(n):
        for unit in range(max(units, 1)):
            turned = [v for each in theirs[:, unit] for v in (each, each.flip(1), each.flip(2), each.flip(1, 2))]
            apart = torch.stack([(ours[row, unit] - version).norm() for version in turned])
            assert found.distances[row, unit].item() == pytest.approx(apart.min().item(), rel=1e-5)
            shown = (ours[row, unit] - chosen[row, unit]).norm().item()  # the one in the picture is that one
            assert shown == pytest.approx(apart.min().item(), rel=1e-5)
            assert any(torch.equal(chosen[row, unit], version) for version in turned)


def test_units_that_meet_by_chance_are_found_in_different_samples() -> None:
    real = images(6, 2, 0)
    known = take(real, 6).samples
    copy = torch.stack([known[4, 0].flip(2), known[1, 1].flip(1)])[None]  # a turned unit of each of two samples
    found = nearest_samples(generated(copy, real.spec), real, torch.arange(6), real)
    assert found.distances.tolist() == [[0, 0]] and torch.equal(found.samples.samples, copy)
    alone = images(6, 2, 0, flips=())  # these belong together
    found = nearest_samples(generated(copy, real.spec), alone, torch.arange(6), alone)
    assert found.distances.shape == (1, 1) and found.distances.min() > 0
    assert any(torch.equal(found.samples.samples[0], each) for each in known)


def test_distances_are_those_of_memorisation() -> None:
    train, test, made = images(40, 2, 0), images(20, 2, 1), take(images(10, 2, 2), 10)
    found = nearest_samples(made, train, torch.arange(40), train)
    rng = torch.Generator().manual_seed(0)
    value = Memorisation(samples=10).compute(MetricInput(made, train, test, rng=rng, nets={}))["nearest_training"]
    assert found.distances.mean().item() == pytest.approx(value.value, rel=1e-6)


def test_the_caption_says_how_many_were_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test, made = images(40, 0, 0), images(20, 0, 1), take(images(3, 0, 2), 3)
    view = build_view(train.spec)
    assert view is not None
    whole = nearest_panel(view, made, train, test, seed=0).caption
    assert "40 training samples (" in whole and "of 20 of them)" in whole and "20 held-out samples" in whole
    assert "version" in whole and "chosen" not in whole
    monkeypatch.setattr(nearest, "MOST_SEARCHED", 10)
    some = nearest_panel(view, made, train, test, seed=0).caption
    assert "10 training samples, chosen at random of 40" in some and "held-out samples, chosen at random of 20" in some
    assert nearest_panel(view, made, train, test, seed=0, whole=True).caption == whole
    with pytest.raises(DoesNotFit, match="held out"):
        nearest_panel(view, made, train, images(0, 0, 0), seed=0)


def test_letters_that_differ_are_underlined() -> None:
    train, test = (MotifStrings(split, length=30, samples=50, held_out=20, motif="1101") for split in ("train", "test"))
    known = take(train, 50).samples
    changed = known[7:8].clone()
    changed[0, 0, [3, 20, 21]] = 1 - changed[0, 0, [3, 20, 21]]
    view, made = StringsView(train.spec, cell=4), generated(changed, train.spec)
    found = [nearest_samples(made, each, torch.arange(len(each)), train, view.distances) for each in (train, test)]
    assert found[0].distances.tolist() == [[3]] and torch.equal(found[0].samples.samples[0], known[7])
    other = (take(test, 20).samples != changed).sum((1, 2))
    assert found[1].distances.item() == other.min()
    pixels = np.asarray(view.beside_nearest(made, *found))
    row = LINE + 6 + BAR  # of text, a string and its bar
    bars = [pixels[MARGIN + number * row + LINE + 6 + 2, MARGIN + 2 :: 4][:30] for number in range(3)]
    marked = [np.flatnonzero((each == DIFFERENT).all(1)).tolist() for each in bars]
    expected = (found[1].samples.samples != changed)[0, 0].nonzero().flatten().tolist()
    assert marked == [[], [3, 20, 21], expected]


@settings(max_examples=50, deadline=None)
@given(st.text("ACGT", max_size=20), st.text("ACGT", max_size=20))
def test_aligned_sequences_differ_in_as_many_places_as_they_are_apart(first: str, second: str) -> None:
    above, below = aligned(first, second)
    assert (above.replace("-", ""), below.replace("-", "")) == (first, second)
    assert len(above) == len(below)
    assert sum(one != other for one, other in zip(above, below, strict=True)) == Levenshtein.distance(first, second)


def test_dna_is_searched_on_both_strands_and_by_letters_left_out() -> None:
    rng = torch.Generator().manual_seed(0)
    codes = torch.randint(0, 4, (30, 24), generator=rng).to(torch.uint8)
    data = OneHot(sequence_spec(24), codes, both_strands=True, names=[f"chr1:{at}" for at in range(30)])
    view = build_view(data.spec)
    assert view is not None
    turned = (3 - codes[11].long()).flip(0)  # the other strand …
    shifted = torch.cat([turned[1:], turned[:1]])  # … without its first letter, and with one more behind
    made = generated(one_hot(shifted[None]), data.spec)
    found = nearest_samples(made, data, torch.arange(30), data, view.distances)
    assert found.distances.tolist() == [[2]] and found.samples.names == ["chr1:11"]
    assert torch.equal(found.samples.samples, one_hot(turned[None]))
    pixels = np.asarray(view.beside_nearest(made, found, found))
    assert (pixels == MARK).all(2).any(1).sum() == 2 * (BAR - 2)


@pytest.mark.parametrize("layout", ["pairs", "per_class", "composite"])
def test_cells_of_every_layout_are_drawn(layout: str) -> None:
    data = Simulated("train", layout=layout, cells=12, height=24, width=32)
    view = build_view(data.spec)
    assert view is not None
    made = take(data, 2)
    found = nearest_samples(made, data, torch.arange(len(data)), data)
    assert found.distances.max() == 0 and torch.equal(found.samples.samples, made.samples)
    assert min(view.beside_nearest(made, found, found).size) > 50


def test_points_are_refused_with_the_reason(tiny: Path) -> None:
    run = gantk.run(tiny, ["train.steps=1"], out="run")
    with pytest.raises(DoesNotFit, match=r"a dot beside a dot.*basics/memorisation"):
        nearest_picture(Path(run.path), 2)
    assert "nearest.png" not in json.loads((Path(run.path) / "samples" / "panels.json").read_text())


STRINGS = """\
about: strings of a file
data: {use: dna/sequences, path: seqs.txt}
generator: {use: dna/residual, latent: 4, width: 4, blocks: 1, kernel: 3}
critic: {use: dna/pooled, width: 4, kernel: 3, layers: 0, dense: 4}
loss: {use: basics/gan}
train: {steps: 1, batch: 4, sample_every: 1}
"""


def test_the_report_and_the_command_draw_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    letters = np.random.default_rng(0).choice(list("ACGT"), (60, 16))
    Path("seqs.txt").write_text("".join("".join(row) + "\n" for row in letters))
    Path("strings.yaml").write_text(STRINGS)
    gantk.run("strings.yaml", out="run")
    panel = json.loads(Path("run/samples/panels.json").read_text())["nearest.png"]
    assert "training samples" in panel["caption"] and panel["title"] == nearest.TITLE
    assert panel["caption"] in Path("run/report.html").read_text()
    capsys.readouterr()
    assert run_command_line(["view", "run", "--nearest", "-n", "2", "-o", "near.png"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == "near.png" and "held-out" in said.err and Path("near.png").is_file()
    Path("seqs.txt").rename("elsewhere.txt")
    with pytest.raises(DataError, match="searches the data that the run learnt from"):
        nearest_picture(Path("run"), 2)
    picture, _ = nearest_picture(Path("run"), 2, overrides=["data.path=elsewhere.txt"])
    assert picture.tobytes() == gantk.files.pictures.read_picture(Path("near.png")).tobytes()
    with pytest.raises(FileError, match="does not say which data"):
        nearest_picture(Path("elsewhere.txt"), 2)


def test_distances_are_printed_with_three_digits() -> None:
    samples = take(images(1, 0, 0), 1)
    assert Nearest(samples, torch.tensor([[0.0, 12.3456]]), 5).texts(0) == ["0", "12.3"]
