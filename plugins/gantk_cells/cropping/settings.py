"""What `gantk crop` is told: the keys of its recipe, each with its type, default and meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Len

Threshold = Literal["otsu", "otsu_log", "li", "triangle", "local"]
Positive = Annotated[float, Gt(0)]
ChannelName = Annotated[int, Ge(0)] | Annotated[str, Len(1)]


@dataclass(frozen=True, kw_only=True)
class Segment:
    """How nuclei and cells are found, by scikit-image. Lengths are micrometres; pixels where their size is not known.

    Args:
        nuclei: the channel in which nuclei are bright, a name or a number from 0.
        cells: the channel in which whole cells are bright; null: a cell is its nucleus and `reach` around it.
        smooth: standard deviation of the Gaussian that smooths both channels; null: 1.5 pixels, or where
            `diameter` is given a twelfth of it.
        nuclei_threshold: above which a pixel is one of a nucleus: `local` (brighter than the mean around it, by a
            Gaussian of two diameters, and than half of Otsu's threshold), `otsu`, `otsu_log` (of the logarithm, for
            fields with dim and bright cells), `li`, `triangle`, or a number.
        cells_threshold: the same for cells.
        diameter: of a usual nucleus; null: the median of those found.
        apart: how far apart the centres of touching nuclei are at least; null: 0.3 diameters.
        reach: how far a cell reaches beyond its nucleus at most; null: 0.7 diameters.
    """

    nuclei: ChannelName = 0
    cells: ChannelName | None = None
    smooth: Positive | None = None
    nuclei_threshold: Threshold | float = "local"
    cells_threshold: Threshold | float = "otsu_log"
    diameter: Positive | None = None
    apart: Positive | None = None
    reach: Positive | None = None


@dataclass(frozen=True, kw_only=True)
class Drop:
    """Which cells are left out. Areas are square micrometres; pixels where their size is not known.

    Args:
        border: whether cells that touch the border of the field are left out.
        smallest: area below which a cell is left out; null: a quarter of the median.
        largest: area above which a cell is left out; null: four times the median.
        focus: sharpness below which a cell is left out, as a share of the median over all cells; 0 keeps all.
    """

    border: bool = True
    smallest: Annotated[float, Ge(0)] | None = None
    largest: Positive | None = None
    focus: Annotated[float, Ge(0), Le(1)] = 0.6


@dataclass(frozen=True, kw_only=True)
class CropBlocks:
    """From fields of view to cells.

    Args:
        fields: folder of the fields, or files.
        pattern: how the files are called below the folder, with {field}, {channel}, {z}, {time}, {class}, {plate} or
            other words for what differs: field{field}_{channel}.tif; null: each file is a field.
        channels: which channels, in this order, by name or number; the first is the one that nets see with every
            other. null takes all, sorted.
        channel_names: what to call them; null takes what files or pattern say, else "channel 0", ….
        pages: what the pages of a TIFF are that does not say so: `channels`, `z` or `times`; null refuses such files.
        times: which time points, from 0; null takes the first, and says so where there are more.
        z: how planes become one: the brightest (`max`) or the mean of each pixel, or the plane that is `sharpest`.
        pixel_size_um: of the fields, micrometres; null takes what the files say.
        illumination: `fields` divides each channel by the smoothed mean of all fields; `none`.
        background: what is subtracted from each channel of a field: its 1st percentile (`percentile`), a smooth ground
            below everything that is as small as cells (`local`), or nothing (`none`).
        masks: files of labels (TIFF, PNG) or Fiji ROIs (.roi, .zip) that say where cells are, one a field, with the
            words of `pattern`: masks/field{field}.tif; null: `segment` finds them.
        segment: how cells are found where there are no masks.
        drop: which are left out.
        outside: what lies around a cell in its own picture: `black`, or what is there (`keep`).
        turn: whether each cell is turned so that its long axis lies along x (`long_axis`), or is left as it lies.
        to_um: size of a pixel of the cells, micrometres; null: that of the fields.
        size: [height, width] of the cells, in pixels; null: the smallest that nets can halve and that `holds` them.
        holds: share of the cells that this size has room for; larger ones are left out.
        test: fields (or plates, wells: what `split_by` names) whose cells are the test split, in a folder of their
            own.
        split_by: what is split in the recipe that is written: `field`, or another word of the pattern.
        damaged: whether a field that cannot be read is an error, or is left out and counted.
    """

    fields: Path | list[Path]
    pattern: str | None = None
    channels: Annotated[list[ChannelName], Len(1)] | None = None
    channel_names: list[str] | None = None
    pages: Literal["channels", "z", "times"] | None = None
    times: list[Annotated[int, Ge(0)]] | None = None
    z: Literal["max", "mean", "sharpest"] = "max"
    pixel_size_um: Positive | None = None
    illumination: Literal["none", "fields"] = "none"
    background: Literal["none", "percentile", "local"] = "percentile"
    masks: str | None = None
    segment: Segment | None = None
    drop: Drop = field(default_factory=dict)  # type: ignore[assignment]  # JSON-like, as recipes are
    outside: Literal["black", "keep"] = "black"
    turn: Literal["none", "long_axis"] = "none"
    to_um: Positive | None = None
    size: Annotated[list[Annotated[int, Ge(1)]], Len(2, 2)] | None = None
    holds: Annotated[float, Gt(0), Le(1)] = 0.95
    test: list[int | str] = field(default_factory=list)
    split_by: str = "field"
    damaged: Literal["error", "skip"] = "error"
