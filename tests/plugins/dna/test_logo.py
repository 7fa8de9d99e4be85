"""The logo: heights as the definition says, letters where they belong, nothing clipped, and quick."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from gantk_dna.alphabet import decode, encode, one_hot
from gantk_dna.views.glyphs import COLOURS, PAPER, blended, stacks, stretched
from gantk_dna.views.logo import AXIS, LINE, MARGIN, Logo, logo_heights
from gantk_dna.views.panels import BINS, share_edges

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples
from gantk.spec import DataSpec


@pytest.fixture(scope="module", autouse=True)
def drawn_in_part() -> None:
    """These tests look at pictures with axes."""


def sequences(texts: list[str], letters: str = "ACGT") -> Samples:
    codes = torch.from_numpy(np.stack([encode(text) for text in texts]))
    spec = DataSpec((4, codes.shape[1]), ("base", "position"), range=(0.0, 1.0), names={"base": tuple(letters)})
    return Samples(samples=one_hot(codes), spec=spec, attributes={"origin": "real"})


def test_heights_are_information_times_share_with_the_correction() -> None:
    shares = one_hot(torch.from_numpy(np.stack([encode(text) for text in ["AC", "AG", "AC", "AT"]]))).double().numpy()
    correction = 3 / (2 * np.log(2) * 4)
    heights = logo_heights(shares)
    assert heights[0, 0] == pytest.approx(2 - correction)
    second = 2 - (0.5 * 1 + 2 * 0.25 * 2)
    assert heights[:, 1] == pytest.approx(max(second - correction, 0) * np.array([0, 0.5, 0.25, 0.25]))
    many = logo_heights(np.random.default_rng(0).dirichlet(np.ones(4), (5000, 3)).transpose(0, 2, 1))
    assert many.max() < 0.01


def test_letters_stand_in_their_columns_the_highest_on_top() -> None:
    heights = np.array([[0.75, 0.0], [0.25, 0.0], [0.0, 0.0], [0.0, 0.5]])
    pixels = np.asarray(stacks(heights, tuple("ACGT"), 20, 100)).astype(int)

    def has(colour: int, part: np.ndarray) -> bool:
        return bool((np.abs(part - COLOURS[colour].astype(int)).sum(-1) < 20).any())

    assert has(0, pixels[:75, :20]) and not has(0, pixels[75:, :20])
    assert has(1, pixels[75:, :20]) and not has(1, pixels[:75, :20])
    assert has(3, pixels[50:, 20:]) and (pixels[:50, 20:] == PAPER).all()


def test_letters_fill_their_box() -> None:
    for letter in "ACGTU":
        mask = np.asarray(stretched(letter, 60, 90))
        assert mask.shape == (90, 60)
        edges = (mask[:3], mask[-3:], mask[:, :3], mask[:, -3:])
        assert all(edge.max() > 100 for edge in edges), letter


def test_soft_samples_mix_their_colours() -> None:
    half = np.array([[[0.5], [0.5], [0.0], [0.0]]], np.float32)
    assert blended(half)[0, 0] == pytest.approx((COLOURS[0] + COLOURS[1]) / 2, abs=1)


@pytest.mark.parametrize("length", [1, 6, 50, 300])
def test_a_long_caption_is_wrapped_and_not_clipped(length: int) -> None:
    samples = sequences(["ACGT" * 75] * 3)
    samples.samples = samples.samples[:, :, :length]
    spec = DataSpec((4, length), ("base", "position"), range=(0.0, 1.0), names={"base": tuple("ACGT")})
    samples.spec = spec
    picture = Logo(spec).draw(samples, real=samples, caption="a long caption " * 20)
    pixels = np.asarray(picture)
    assert (pixels[:, -6:] == PAPER).all(), "something reaches the right edge"
    assert picture.height > 2 * 110 + 4 * LINE
    plain = Logo(spec).draw(samples, real=samples, caption="short")
    assert picture.height > plain.height


def test_each_letter_has_its_cell_below_the_logo() -> None:
    samples = sequences(["ACGT"])
    pixels = np.asarray(Logo(samples.spec, rows=1).draw(samples)).astype(int)
    cells = pixels[-MARGIN - LINE // 2 - 18 + 2]
    for place in range(4):
        light = (COLOURS[place] // 3 + 170).astype(int)
        assert np.abs(cells[MARGIN + AXIS + 24 * place + 2] - light).max() <= 1


def test_two_logos_of_200_columns_take_less_than_two_seconds() -> None:
    rng = np.random.default_rng(0)
    shares = torch.from_numpy(rng.dirichlet([0.3] * 4, (500, 200)).transpose(0, 2, 1).astype(np.float32))
    spec = DataSpec((4, 200), ("base", "position"), range=(0.0, 1.0), names={"base": tuple("ACGU")})
    samples = Samples(samples=shares, spec=spec)
    started = time.process_time()
    picture = Logo(spec).draw(samples, real=samples)
    assert time.process_time() - started < 2
    assert picture.width < 1400


def test_what_is_no_sequence_is_refused() -> None:
    with pytest.raises(DoesNotFit):
        Logo(DataSpec((3, 8, 8), ("channel", "y", "x")))


def test_sequences_are_printed_in_colour_where_there_is_a_terminal(tmp_path, monkeypatch, capsys) -> None:
    from gantk.cli import run_command_line as run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "made.fa").write_text(">a\nACGTT\n>b\nGGGAA\n")
    assert run(["view", "made.fa", "--text"]) == 0
    assert capsys.readouterr().out == "ACGTT\nGGGAA\n"


def test_bins_of_shares_hold_equally_many_values_each() -> None:
    for length in (9, 50, 75, 200):
        values = np.arange(length + 1) / length
        edges = share_edges(values, values[2:-3], length)
        counts = np.histogram(values, edges)[0]
        assert counts.sum() == length + 1 and len(set(counts[:-1])) == 1 and counts[-1] <= counts[0]
        assert len(counts) <= BINS


def test_the_logo_of_a_file_is_of_all_of_it_whatever_number_is_drawn(tmp_path, monkeypatch) -> None:
    from gantk.api import view

    codes = np.random.default_rng(0).integers(0, 4, (700, 12), dtype=np.uint8)
    path = tmp_path / "made.fa"
    path.write_text("".join(f">s\n{text}\n" for text in decode(codes)))
    seen = []
    drawn = Logo.draw

    def noted(self: Logo, samples: Samples, **given):
        seen.append((len(samples), self.rows))
        return drawn(self, samples, **given)

    monkeypatch.setattr(Logo, "draw", noted)
    view.picture(path, 4)
    assert seen == [(700, 4)]
    heights = logo_heights(one_hot(torch.from_numpy(codes)).double().numpy())
    assert heights.sum(0).max() < 0.05


def test_a_logo_of_both_strands_reads_the_same_from_either_end() -> None:
    made = sequences(["AACGTG", "AACGTT", "AAGGTT"])
    heights = Logo(made.spec, both_strands=True)._heights(made)
    assert heights == pytest.approx(heights[::-1, ::-1])


def test_a_tile_is_the_sequence_with_letters_as_high_as_their_shares() -> None:
    found = sequences(["ACGT", "CCCC"])
    found.samples[1, :, 0] = torch.tensor([0.75, 0.25, 0.0, 0.0])
    first, second = (np.asarray(tile).astype(int) for tile in Logo(found.spec).tiles(found))
    column = first.shape[1] // 4

    def near(pixels: np.ndarray, colour: int) -> bool:
        return bool((np.abs(pixels - COLOURS[colour].astype(int)).sum(-1) < 20).any())

    for place in range(4):
        assert [near(first[:, place * column : (place + 1) * column], base) for base in range(4)] == [
            base == place for base in range(4)
        ]
    half = len(second) * 3 // 4
    assert near(second[:half, :column], 0) and not near(second[half + 1 :, :column], 0)
    assert near(second[half + 1 :, :column], 1) and not near(second[:half, :column], 1)
