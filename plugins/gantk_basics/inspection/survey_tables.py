"""What a survey of images says in tables, and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gantk.interfaces import InspectTable
from gantk_basics.inspection.intensities import PERCENTILES
from gantk_basics.inspection.survey import ClassSurvey, Survey

CLASSES = ("class", "split", "images", "sizes", "pixels", "channels", "µm a pixel", "damaged", "duplicates")
CHANNELS = ("channel", "class", "lowest", "1 %", "median", "99 %", "99.9 %", "99.99 %", "highest")
LISTED = 5  # damaged files, or sizes, that are named one by one
SEVERAL = 8  # classes above which the intensities of all together are told


def tables(found: Survey) -> list[InspectTable]:
    """The classes, and the intensities of their channels."""
    return [
        InspectTable(f"{found.root}: {found.origin} images", CLASSES, [row(each) for each in found.classes]),
        InspectTable("intensities, percentiles of the pixels", CHANNELS, channel_rows(found)),
    ]


def damaged(found: Survey) -> list[str]:
    """The first few files of each class that cannot be read, and why."""
    return [f"{each.name}/{file}: {reason}" for each in found.classes for file, reason in each.damaged[:LISTED]]


def row(each: ClassSurvey) -> list[str]:
    """A class as a line of the table."""
    counts = sorted({shape[0] for shape in each.shapes})
    return [
        each.name,
        each.split,
        str(each.images),
        _sizes(sorted({shape[1:] for shape in each.shapes})),
        ", ".join(each.types),
        ", ".join(map(str, counts)),
        ", ".join("?" if size is None else f"{size:g}" for size in each.pixel_sizes),
        str(len(each.damaged)),
        str(len(each.duplicates)),
    ]


def _sizes(found: list[tuple[int, ...]]) -> str:
    if len(found) <= LISTED:
        return ", ".join(f"{h} × {w}" for h, w in found)
    spans = [f"{min(sides)} … {max(sides)}" for sides in zip(*found, strict=True)]
    return f"{len(found)} sizes, {' × '.join(spans)}"


def channel_rows(found: Survey) -> list[list[str]]:
    """The intensities of each channel: of each class, or where there are many of all together."""
    usual = found.count("names").most_common(1)
    names = usual[0][0] if usual else ()
    rows = []
    for number in sorted({number for each in found.classes for number in each.channels}):
        title = f"{number} {names[number]}".strip() if number < len(names) else str(number)
        several = len(found.classes) > SEVERAL
        every: list[Any] = [("all", found.channel(number))] if several else []
        every += [
            (f"{each.name} {each.split}".strip(), each.channels[number])
            for each in found.classes
            if not several and number in each.channels
        ]
        for name, channel in every:
            values = (channel.lowest, *channel.percentiles(), channel.highest)
            rows.append([title, name, *(f"{value:g}" for value in values)])
    return rows


def remarks(found: Survey) -> list[str]:
    """What of the files is left out, or taken in one sense of several."""
    counted = sum((each.remarks for each in found.classes), Counter[str]())
    return [f"{count} image{'s' * (count > 1)}: {remark}" for remark, count in counted.items()]


def as_document(each: ClassSurvey) -> dict[str, Any]:
    """A class as JSON values."""
    return {
        "class": each.name,
        "split": each.split,
        "images": each.images,
        "shapes": [{"channels": c, "height": h, "width": w, "images": n} for (c, h, w), n in each.shapes.items()],
        "types": dict(each.types),
        "channel_names": [{"names": list(names), "images": n} for names, n in each.names.items()],
        "pixel_sizes_um": [{"size": size, "images": n} for size, n in each.pixel_sizes.items()],
        "intensities": [
            {
                "lowest": channel.lowest,
                "highest": channel.highest,
                "percentiles": dict(zip(map(str, PERCENTILES), channel.percentiles(), strict=True)),
            }
            for channel in each.channels.values()
        ],
        "damaged": [{"file": file, "reason": reason} for file, reason in each.damaged],
        "duplicates": each.duplicates,
        "in_training": each.in_training,
    }
