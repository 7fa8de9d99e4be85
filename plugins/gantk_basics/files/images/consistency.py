"""Refuses images that are unlike each other: the error names one file that is odd, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantk.errors import DataError
from gantk_basics import image_sizes
from gantk_basics.files.images.class_folder import shown

Files = Sequence[tuple[Path, Any]]


def _refuse_odd(files: Files, error: Callable[[Path, Any, Any, list[Any]], DataError]) -> None:
    counted = Counter(value for _, value in files if value is not None)
    if len(counted) > 1:
        usual = counted.most_common(1)[0][0]
        path, odd = next((path, value) for path, value in files if value not in (None, usual))
        raise error(path, odd, usual, list(counted))


def check_sizes(files: Files) -> None:
    """Raises a DataError where (height, width) differ."""
    _refuse_odd(files, _unequal)


def check_types(files: Files) -> None:
    """Raises a DataError where the types of the pixels differ."""
    _refuse_odd(files, _mixed)


def check_counts(files: Files, key: str) -> None:
    """Raises a DataError where stacks differ in their number of channels; None is no stack.

    Args:
        files: each with its number.
        key: of the recipe that names the classes.
    """
    _refuse_odd(files, partial(_counts, key))


def check_kinds(files: Sequence[tuple[Path, str, int]]) -> None:
    """Raises a DataError where pictures are of several kinds: it counts them, and says which lines would read them.

    Args:
        files: each with its kind ("RGB of 8 bits"), and how many pictures it stands for.
    """
    found: Counter[str] = Counter()
    for _, kind, count in files:
        found[kind] += count
    if len(found) < 2:
        return
    example = {kind: shown(f"{path.parent.name}/{path.name}") for path, kind, _ in reversed(files)}
    listed = ", ".join(f"{count:,} {kind} (such as {example[kind]})" for kind, count in found.most_common())
    what = [kind.split(" of ") for kind in found]
    ways = []
    if {colours for colours, _ in what} == {"RGB", "grey"}:
        ways.append("    data.channels=rgb   grey pictures get three equal channels")
        ways.append("    data.channels=grey  colours become their brightness, .299 R + .587 G + .114 B")
    elif len({colours for colours, _ in what}) > 1:
        ways.append("    data.channels=[0]   the first channel of each")
    if len({bits for _, bits in what}) > 1:
        floating = any("floating" in bits for _, bits in what)
        if floating:
            ways.append("    save all with pixels of one type: floating-point numbers have no range")
        else:
            ways.append("    data.bits=8         the whole range of 16 bits onto that of 8; or data.bits=16")
    raise DataError(f"pictures of several kinds: {listed}. To read them as one:\n" + "\n".join(ways))


def check_meanings(files: Files) -> None:
    """Raises a DataError where channels chosen by number have other names; None where there are no names."""
    _refuse_odd(files, _meanings)


def _unequal(path: Path, size: tuple[int, int], usual: tuple[int, int], every: list[tuple[int, int]]) -> DataError:
    height, width = zip(*every, strict=True)
    around, within = image_sizes.padded(max(height), max(width)), image_sizes.cropped(min(height), min(width))
    crop = f"    cropped:  data.size=[{within[0]}, {within[1]}] data.fit=crop\n" if within else ""
    return DataError(
        f"images of unequal size: {shown(path)} is {size[0]} × {size[1]} (height × width), most others are "
        f"{usual[0]} × {usual[1]}; bring them to one size, their middles kept:\n{crop}"
        f"    padded with background:  data.size=[{around[0]}, {around[1]}] data.fit=pad\n"
        f"    resampled, then cropped:  data.size=[{around[0]}, {around[1]}] data.fit=cover"
    )


def _mixed(path: Path, type: str, usual: str, every: object) -> DataError:
    return DataError(
        f"images of different types: {shown(path)} has pixels of type {type}, most others {usual}; save all alike, "
        "so that a value means the same in each"
    )


def _counts(key: str, path: Path, count: int, usual: int, every: object) -> DataError:
    return DataError(
        f"{shown(path)} has {count} channel{'s' * (count > 1)}, most others have {usual}, so that a number may mean "
        f"another channel. If {shown(path.parent)} holds other images (masks, say), leave it out: data.{key} names "
        "the folders to read; else move the odd files away, or choose channels by names that all files have: "
        "data.channels=[NAME, NAME]"
    )


def _meanings(path: Path, names: tuple[str, ...], usual: tuple[str, ...], every: list[tuple[str, ...]]) -> DataError:
    by_name = f"choose by name, so that the order does not matter: data.channels=[{', '.join(usual)}]"
    in_order = (
        f"if the channels mean the same in all files, give them names: data.channel_names=[{', '.join(usual)}]; else "
        "rename them in the files"
    )
    return DataError(
        f"{shown(path)} calls these channels {', '.join(map(repr, names))}, most others "
        f"{', '.join(map(repr, usual))}; {by_name if all(set(each) == set(usual) for each in every) else in_order}"
    )


def refuse_equal_channels(name: str, parts: Sequence[NDArray[Any]], channels: Sequence[int | str]) -> None:
    """Refuses a channel that repeats another one in every image: nets would learn that the two are equal.

    Channels that have one value in each image are not compared.

    Args:
        name: of a class, for the message.
        parts: images of each class, (N, C, H, W).
        channels: the C channels that were asked for.

    Raises:
        DataError: there is one; the message names the channels that are enough.
    """
    kept: list[int] = []
    for channel in range(len(channels)):
        repeats = any(all(np.array_equal(part[:, channel], part[:, k]) for part in parts) for k in kept)
        if not repeats or all((part[:, channel].max((1, 2)) == part[:, channel].min((1, 2))).all() for part in parts):
            kept.append(channel)
    if len(kept) < len(channels):
        enough, every = (", ".join(map(str, each)) for each in ([channels[k] for k in kept], channels))
        raise DataError(
            f"{shown(name)}: of the channels {every} some repeat another in every image, as grey pictures do that were "
            f"saved in colour. Read each once: data.channels=[{enough}]"
        )
