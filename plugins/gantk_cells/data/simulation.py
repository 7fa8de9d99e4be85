"""Simulated fission-yeast cells: phase of the cell cycle -> geometry -> red growth zones -> green protein.

They stand in for the LIN images (Dodgson et al. 2017) where those are not at hand; they are not LIN. The dependence
of green on red is known by construction, since both are drawn from the same phase and the same growth zones.

Lengths below are pixels of 0.1 um in a frame of 48 x 80; in another frame the cells are scaled to fit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

PROTEINS = ("Alp14", "Arp3", "Cki2", "Mkh1", "Sid2", "Tea1")
RED_STATES = ("one end", "two ends", "band")
RED_SHARES = (0.38, 0.46, 0.16)
PIXEL_MICROMETRES = 0.1

CHUNK = 200  # cells drawn together; a chunk has its own random stream, so the first n cells do not depend on n
POOL = 512  # side of the noise fields that textures are cut from
PSF = 1.15  # sigma of the microscope's blur

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class SimulatedCells:
    """Images of simulated cells and the truth they were drawn from, protein after protein.

    Args:
        images: red (Bgs4, growth zones) and green (the protein), uint8, (N, 2, H, W).
        labels: index of the protein in the `proteins` asked for, (N,).
        phase: phase of the cell cycle in [0, 1], (N,).
        red_state: index into `RED_STATES`, (N,).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    phase: Array
    red_state: NDArray[np.int64]


def simulate(
    n: int,
    proteins: Sequence[str] = PROTEINS,
    seed: int = 0,
    height: int = 48,
    width: int = 80,
) -> SimulatedCells:
    """Draw `n` cells of each protein; equal arguments give equal bytes, and a larger `n` only adds cells.

    Args:
        n: cells per protein.
        proteins: names out of `PROTEINS`; a protein's cells do not depend on which others are asked for.
        seed: of all random choices.
        height: of the frame, pixels.
        width: of the frame, pixels.

    Raises:
        ValueError: for a protein that the simulator does not know.
    """
    unknown = [name for name in proteins if name not in PROTEINS]
    if unknown:
        raise ValueError(f"unknown protein {unknown[0]!r}: the simulator draws {', '.join(PROTEINS)}")
    textures = textures_of(height, width)
    total = n * len(proteins)
    cells = SimulatedCells(
        images=np.empty((total, 2, height, width), np.uint8),
        labels=np.repeat(np.arange(len(proteins)), n),
        phase=np.empty(total, np.float32),
        red_state=np.empty(total, np.int64),
    )
    for k, protein in enumerate(proteins):
        for start in range(0, n, CHUNK):
            rng = np.random.default_rng((seed, PROTEINS.index(protein), start // CHUNK))
            outline = Outline(rng, height, width)
            red = draw_red(outline, rng, textures)
            green = GREEN[protein](outline, rng, textures)
            images = np.stack([expose(outline, channel, rng) for channel in (red, green)], axis=1)  # (n, 2, H, W)
            size = min(CHUNK, n - start)
            rows = slice(k * n + start, k * n + start + size)
            cells.images[rows] = images[:size]
            cells.phase[rows] = outline.phase[:size]
            cells.red_state[rows] = outline.state[:size]
    return cells


class Textures:
    """Smooth random fields of unit variance, cut at random places out of one fixed field per scale."""

    def __init__(self, height: int, width: int) -> None:
        self.frame = (height, width)
        white = np.random.default_rng(0).standard_normal((POOL + height, POOL + width), np.float32)
        fields = {scale: gaussian_filter(white, scale) for scale in (PSF, 3.0)}
        self.windows = {scale: sliding_window_view(f / f.std(), self.frame) for scale, f in fields.items()}

    def cut(self, rng: np.random.Generator, scale: float) -> Array:
        """Return CHUNK fields with correlation length `scale`, (n, H, W)."""
        y, x = rng.integers(0, POOL, (2, CHUNK))
        return self.windows[scale][y, x]


textures_of = lru_cache(maxsize=2)(Textures)
"""The textures of a frame, made once."""


class Outline:
    """The geometry of CHUNK cells, with every pixel's place in its cell, and their growth zones.

    `along` and `across` are a pixel's distance from the cell's centre on its (bent) long axis and from that axis,
    in pixels of 0.1 um, `mask` its coverage in [0, 1], `thickness` the light's way through the cell in [0, 1].
    """

    def __init__(self, rng: np.random.Generator, height: int, width: int) -> None:
        n = CHUNK
        zoom = min(height / 48, width / 80)
        self.phase = rng.random(n, np.float32)
        # states follow the phase, with some overlap between neighbours
        order = self.phase + 0.02 * rng.standard_normal(n, np.float32)
        self.state = np.searchsorted(np.cumsum(RED_SHARES[:2]), order)  # (n,)

        def column(low: float, high: float) -> Array:  # (n, 1, 1)
            return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

        length = 40.5 + 24 * self.phase[:, None, None] + 1.8 * rng.standard_normal((n, 1, 1), np.float32)
        self.half_length = np.clip(length, 38.5, 69.5) / 2  # (n, 1, 1)
        self.half_width = column(10.1, 11.9) - 0.12 * (self.half_length - 26)

        y, x = np.ogrid[:height, :width]
        self.x = ((x - (width - 1) / 2) / zoom).astype(np.float32) - column(-0.7, 0.7)  # (n, 1, W)
        self.y = ((y - (height - 1) / 2) / zoom).astype(np.float32) - column(-0.7, 0.7)  # (n, H, 1)
        self.tilt = 0.025 * rng.standard_normal((n, 1, 1), np.float32)
        self.bend = 0.0016 * rng.standard_normal((n, 1, 1), np.float32)
        self.along = self.x + self.tilt * self.y  # (n, H, W)
        self.across = self.y - self.axis(self.x)  # (n, H, W)

        # half the width at each place along the axis: constant, then an elliptic cap, a few percent irregular
        cap = self.half_width * column(1.05, 1.3)
        into_cap = np.clip((np.abs(self.along) - self.half_length + cap) / cap, 0, 1)
        wave = 0.03 * rng.standard_normal((n, 1, 1), np.float32)
        profile = np.sqrt(1 - into_cap**2) * (1 + wave * np.sin(0.13 * self.along + column(0, 6.3)))
        pinch = 0.10 * np.clip((self.phase[:, None, None] - 0.92) / 0.08, 0, 1)
        profile *= 1 - pinch * np.exp(-((self.along / 3.5) ** 2))
        edge = self.half_width * profile  # (n, H, W)
        self.depth = np.minimum(edge - np.abs(self.across), self.half_length - np.abs(self.along))
        self.mask = np.clip(self.depth * zoom + 0.5, 0, 1)
        self.thickness = np.sqrt(np.clip(1 - (self.across / np.maximum(edge, 0.5)) ** 2, 0.02, 1))

        # growth zones: strength of the left end, the right end and the band; which end comes first is chance
        first, second, band = np.choose(self.state, [[[1], [0], [0]], [[1], [1], [0]], [[0.0], [0.0], [1]]])
        second = second * rng.uniform(0.6, 1.0, n)
        swap = rng.random(n) < 0.5
        zones = [np.where(swap, second, first), np.where(swap, first, second), band]
        self.zones = np.stack(zones, axis=1).astype(np.float32)  # (n, 3)
        left, right, band = self.zones.T[:, :, None, None]
        self.left = bump(self.along + self.half_length - 1.5, 4.0)
        self.right = bump(self.along - self.half_length + 1.5, 4.0)
        self.band = bump(self.along - column(-0.8, 0.8), 1.9)
        self.growth = left * self.left + right * self.right + band * self.band  # (n, H, W)
        late = (self.state == 2)[:, None, None]
        offset = np.where(late, 0.5 * self.half_length, 0).astype(np.float32)
        wander = column(-2.5, 2.5)
        self.nuclei = (wander - offset, wander + offset)  # where on the axis; twice the same place when early

    def spots(self, along: Array, across: Array, strength: Array, size: float, aspect: float = 1.0) -> Array:
        """Add Gaussian spots at places given in cell coordinates.

        Args:
            along: places on the long axis, (n, spots).
            across: distances from it, (n, spots).
            strength: peak heights, (n, spots).
            size: standard deviation, pixels.
            aspect: how many times longer than wide.
        """
        along, across, strength = (numbers.astype(np.float32) for numbers in (along, across, strength))
        x = bump(self.x - along[:, :, None], size * aspect)  # (n, spots, W)
        height = across[:, None, :] + self.axis(along[:, None, :])  # (n, 1, spots)
        y = bump(self.y - height, size)  # (n, H, spots)
        return np.matmul(y * strength[:, None, :], x)  # (n, H, W)

    def axis(self, along: Array) -> Array:
        """Return how high the (tilted, bent) long axis runs at these places on it."""
        return self.tilt * along + self.bend * (along**2 - self.half_length**2 / 3)


def bump(distance: Array, sigma: float) -> Array:
    """Gaussian of height 1."""
    return np.exp(-0.5 * (distance / np.float32(sigma)) ** 2)


def draw_red(cell: Outline, rng: np.random.Generator, textures: Textures) -> Array:
    """Bgs4: bright growth zones over a dim grainy cytoplasm, (n, H, W)."""
    cytoplasm = 0.36 * cell.thickness * (1 + 0.10 * textures.cut(rng, PSF) + 0.12 * textures.cut(rng, 3.0))
    return cytoplasm + 0.62 * cell.growth


def diffuse(cell: Outline, rng: np.random.Generator, textures: Textures, level: float) -> Array:
    """Cytoplasm of even concentration with fine and coarse grain, (n, H, W)."""
    return level * cell.thickness * (1 + 0.08 * textures.cut(rng, PSF) + 0.08 * textures.cut(rng, 3.0))


def draw_alp14(cell: Outline, rng: np.random.Generator, textures: Textures) -> Array:
    """Diffuse, with a few bright streaks along the axis near the middle."""
    count = 4
    along = rng.normal(0, 7, (CHUNK, count))
    across = rng.uniform(-6, 6, (CHUNK, count))
    strength = rng.uniform(0.25, 0.75, (CHUNK, count))
    streaks = cell.spots(along, across, strength, size=1.2, aspect=3.6)
    return diffuse(cell, rng, textures, 0.42) + 0.24 * cell.growth + streaks


def draw_arp3(cell: Outline, rng: np.random.Generator, textures: Textures) -> Array:
    """Dim, with small bright patches gathered where red is bright: at growing ends, on the band and beside it."""
    count = 18
    shape = (CHUNK, count)
    cumulative = np.cumsum(cell.zones / cell.zones.sum(1, keepdims=True), axis=1)  # (n, 3)
    zone = (rng.random((*shape, 1)) > cumulative[:, None, :2]).sum(-1)  # (n, spots): left, right or band
    half = cell.half_length[:, :, 0]  # (n, 1)
    inward = np.abs(rng.normal(0, 4.5, shape)) + 1.5
    along = np.choose(zone, [inward - half, half - inward, rng.normal(0, 2.8, shape)])
    reach = np.where(zone == 2, 0.85, np.sqrt(np.clip(inward / 11, 0, 1)) * 0.85)
    across = rng.uniform(-1, 1, shape) * reach * cell.half_width[:, :, 0]
    strength = rng.uniform(0.2, 0.6, shape)
    patches = cell.spots(along, across, strength, size=1.2)
    return diffuse(cell, rng, textures, 0.22) + 0.18 * cell.growth + patches


def draw_cki2(cell: Outline, rng: np.random.Generator, textures: Textures) -> Array:
    """Large bright irregular clumps that fill much of the cell."""
    clumps = 1 / (1 + np.exp(-3.0 * textures.cut(rng, 3.0)))
    return cell.thickness * (0.22 + 0.6 * clumps) + 0.25 * cell.growth


def draw_mkh1(cell: Outline, rng: np.random.Generator, textures: Textures) -> Array:
    """Bright and even around a dark round nucleus (two late in the cycle), brighter at band and ends."""
    nucleus = np.maximum(*(np.clip(5.9 - np.hypot(cell.along - at, cell.across), 0, 2.6) / 2.6 for at in cell.nuclei))
    return diffuse(cell, rng, textures, 0.6) * (1 - 0.6 * nucleus) + 0.2 * cell.growth


def draw_sid2(cell: Outline, rng: np.random.Generator, textures: Textures) -> Array:
    """Diffuse, with one or two spindle pole bodies near the nucleus, and a band at division."""
    along = np.concatenate([at[:, :, 0] + rng.normal(0, 3.0, (CHUNK, 1)) for at in cell.nuclei], axis=1)  # (n, 2)
    across = rng.uniform(-5, 5, (CHUNK, 2))
    strength = rng.uniform(0.6, 0.9, (CHUNK, 2))
    strength[:, 1] *= cell.phase > 0.5  # duplicated half-way
    poles = cell.spots(along, across, strength, size=1.4)
    band = cell.zones[:, 2, None, None] * cell.band
    return diffuse(cell, rng, textures, 0.42) + 0.06 * cell.growth + 0.2 * band + poles


def draw_tea1(cell: Outline, rng: np.random.Generator, textures: Textures) -> Array:
    """Diffuse, with fine dots and bright caps at both ends, the growing ones brighter."""
    count = 10
    along = rng.uniform(-0.75, 0.75, (CHUNK, count)) * cell.half_length[:, :, 0]
    across = rng.uniform(-0.75, 0.75, (CHUNK, count)) * cell.half_width[:, :, 0]
    strength = rng.uniform(0.1, 0.35, (CHUNK, count))
    dots = cell.spots(along, across, strength, size=1.15)
    return diffuse(cell, rng, textures, 0.3) + 0.28 * (cell.left + cell.right) + 0.26 * cell.growth + dots


GREEN: dict[str, Callable[[Outline, np.random.Generator, Textures], Array]] = {
    "Alp14": draw_alp14,
    "Arp3": draw_arp3,
    "Cki2": draw_cki2,
    "Mkh1": draw_mkh1,
    "Sid2": draw_sid2,
    "Tea1": draw_tea1,
}


def expose(cell: Outline, light: Array, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Photograph a channel: cut out the cell, add photon noise, stretch so that the brightest pixels are 255."""
    noise = rng.standard_normal(light.shape, np.float32)
    seen = (light + 0.045 * np.sqrt(np.maximum(light, 0)) * noise) * cell.mask
    brightest = np.percentile(seen[:, ::2, ::2], 99.8, axis=(1, 2), keepdims=True).astype(np.float32)
    return (np.clip(seen / brightest, 0, 1) * 255).astype(np.uint8)
