"""A field of view as one image: its channels put together, planes projected, illumination and background taken out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gantk_basics.files.images.channel_files import names_of
from gantk_basics.files.images.class_folder import shown
from numpy.typing import NDArray
from scipy import ndimage

from gantk import machine
from gantk.errors import DataError
from gantk.messages import nearest
from gantk_cells.cropping.patterns import FieldFiles
from gantk_cells.cropping.volumes import Volume, open_volumes

GROUND = 1.0  # percentile that is the background
WIDE = 12  # the side of a field is this many times as long as what illumination is smoothed with
COARSE = 8  # pixels that are one where a smooth ground is looked for
LARGE = 100  # pixels: what is smaller is none of the smooth ground


@dataclass(frozen=True)
class Field:
    """One field at one time.

    Args:
        name: fit for a file's name, different from that of every other field.
        tags: what the pattern tells: {"field": "002", "time": "0"}.
        image: (C, H, W).
        channels: their names.
        pixel_size: micrometres; None where nobody says.
        notes: sentences on what was left out.
    """

    name: str
    tags: dict[str, str]
    image: NDArray[Any]
    channels: tuple[str, ...]
    pixel_size: float | None
    notes: tuple[str, ...] = ()


def read_fields(files: FieldFiles, settings: Any) -> Iterator[Field]:
    """The fields in the files of one: several where these hold scenes, or where several times were chosen.

    Args:
        files: of one field.
        settings: those of `CropBlocks`.

    Raises:
        DataError: files that cannot be read, or do not go together.
    """
    opened = {planes: open_volumes(path, settings.pages) for planes, path in files.files.items()}
    counts = {len(each) for each in opened.values()}
    if len(counts) > 1:
        raise DataError(f"field {files.name}: its files hold different numbers of scenes")
    for scene in range(counts.pop()):
        volumes = {planes: each[scene] for planes, each in opened.items()}
        name = next(iter(volumes.values())).name
        tags = {**files.tags, **({"scene": name} if name else {})}
        title = f"{files.name}_{_fit(name)}" if name else files.name
        yield from _times(title, tags, volumes, files, settings)


def _times(
    name: str, tags: dict[str, str], volumes: dict[tuple[str, str, str], Volume], files: FieldFiles, settings: Any
) -> Iterator[Field]:
    first = next(iter(volumes.values()))
    named = sorted({time for time, _, _ in volumes}, key=lambda time: int(time or 0))
    count = len(named) if named != [""] else first.sizes[0]
    notes: tuple[str, ...] = ()
    if settings.times is None and count > 1:
        notes = (f"fields have {count} times, of which the first is read; for more: times=[0, {count - 1}]",)
    for number in settings.times or [0]:
        if number >= count:
            raise DataError(
                f"field {name} has {count} time{'s' * (count > 1)}, counted from 0: there is no time {number}"
            )
        inside = 0 if named != [""] else number
        of_time = {(z, c): each for (t, z, c), each in volumes.items() if named == [""] or t == named[number]}
        image, names, size = _channels(name, of_time, inside, files, settings)
        several = settings.times is not None and count > 1
        own = {**tags, "time": str(number) if named == [""] else named[number]} if several else tags
        yield Field(f"{name}_t{own['time']}" if several else name, own, image, names, size, notes)


def _channels(
    name: str, volumes: dict[tuple[str, str], Volume], time: int, files: FieldFiles, settings: Any
) -> tuple[NDArray[Any], tuple[str, ...], float | None]:
    """The image of one time, names of its channels, and the size of a pixel."""
    by_name = files.channels != [""]
    sizes = {volume.sizes[3:] for volume in volumes.values()}
    types = {volume.type for volume in volumes.values()}
    if len(sizes) > 1 or len(types) > 1:
        raise DataError(f"field {name}: its files differ in size or type of pixels")
    any_volume = next(iter(volumes.values()))
    machine.refuse_above_data_limit(4 * 3 * int(np.prod(any_volume.sizes[3:])), f"field {name}", DataError)
    if by_name:
        named = tuple(files.channels)
        given: Sequence[str] = names_of([f"_{each}" for each in named])
    else:
        given = any_volume.names
        named = given or tuple(map(str, range(any_volume.sizes[1])))
    wanted = [_place(name, each, named, given) for each in settings.channels or range(len(named))]
    stacks = []
    for place in wanted:
        planes = []
        for (_, channel), volume in sorted(volumes.items(), key=lambda item: int(item[0][0] or 0)):
            if by_name and channel != named[place]:
                continue
            planes.append(volume.read(time, _only(volume, name, channel, time) if by_name else place))
        if not planes:
            raise DataError(f"field {name} has no file of channel {named[place]}")
        stacks.append(np.concatenate(planes))
    if len({len(each) for each in stacks}) > 1:
        raise DataError(f"field {name}: its channels have different numbers of planes")
    image = projected(np.stack(stacks), settings.z)
    _check_numbers(name, image)
    if settings.channel_names and len(settings.channel_names) != len(wanted):
        raise DataError(f"channel_names has {len(settings.channel_names)} names for {len(wanted)} channels")
    names = settings.channel_names or [given[k] if given else f"channel {named[k]}" for k in wanted]
    return image, tuple(names), settings.pixel_size_um or any_volume.pixel_size


def _only(volume: Volume, name: str, channel: str, time: int) -> int:
    """The one channel of a file that holds something."""
    if volume.sizes[1] == 1:
        return 0
    lit = [c for c in range(volume.sizes[1]) if np.ptp(volume.read(time, c))]
    if len(lit) > 1:
        raise DataError(f"field {name}: the file of channel {channel} holds {len(lit)} channels itself")
    return lit[0] if lit else 0


def _place(field: str, wanted: int | str, named: Sequence[str], given: Sequence[str]) -> int:
    if isinstance(wanted, int) and str(wanted) not in named:
        if wanted < len(named):
            return wanted
        raise DataError(f"field {field} has {len(named)} channels, counted from 0: there is no channel {wanted}")
    if str(wanted) in named:
        return list(named).index(str(wanted))
    if wanted in given:
        return list(given).index(str(wanted))
    near = nearest(str(wanted), named, cutoff=0.4)
    raise DataError(
        f"field {field} has no channel {wanted!r}; it has {', '.join(named)}.{f' Did you mean {near}?' if near else ''}"
    )


def _check_numbers(name: str, image: NDArray[Any]) -> None:
    if image.dtype.kind not in "uf" or image.dtype.itemsize > 4:
        raise DataError(
            f"field {name} has pixels of type {image.dtype}; read are whole numbers of 8 or 16 bits without a sign, "
            "and floating-point numbers (Fiji: Image › Type › 32-bit keeps all values)"
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise DataError(f"field {name} has pixels that are not numbers (NaN or infinite)")


def projected(stack: NDArray[Any], how: str) -> NDArray[Any]:
    """Planes (C, Z, H, W) as one, (C, H, W); the sharpest plane is the same for all channels.

    Sharp is where the variance of the Laplacian, relative to the variance of the plane, is greatest, summed over
    channels.
    """
    if stack.shape[1] == 1:
        return stack[:, 0]
    if how == "max":
        return stack.max(1)
    if how == "mean":
        means = stack.mean(1)
        return means.astype(stack.dtype) if stack.dtype.kind == "f" else means.round().astype(stack.dtype)
    return stack[:, sharpest(stack)]


def sharpest(stack: NDArray[Any]) -> int:
    """The number of the sharpest plane of (C, Z, H, W)."""
    planes = stack.astype(np.float32)
    edges = np.stack([[ndimage.laplace(ndimage.gaussian_filter(p, 1)).var() for p in channel] for channel in planes])
    spread = planes.reshape(*planes.shape[:2], -1).var(2).mean(1, keepdims=True)  # (C, 1)
    return int((edges / np.maximum(spread, 1e-12)).sum(0).argmax())


def illumination_of(images: Iterator[NDArray[Any]]) -> NDArray[np.float32]:
    """How brightly each pixel is lit, (C, H, W) with mean 1 a channel: the mean of all fields, smoothed.

    Raises:
        DataError: fields of different size.
    """
    total: NDArray[np.float64] | None = None
    for image in images:
        if total is not None and total.shape != image.shape:
            raise DataError("illumination=fields needs fields of one size; take illumination=none")
        total = image.astype(np.float64) if total is None else total + image
    assert total is not None
    smooth = np.stack([ndimage.gaussian_filter(each, max(each.shape) / WIDE, mode="nearest") for each in total])
    return np.maximum(smooth / smooth.mean((1, 2), keepdims=True), 1e-3).astype(np.float32)


def corrected(image: NDArray[Any], illumination: NDArray[np.float32] | None, background: str) -> NDArray[Any]:
    """A field (C, H, W) without uneven illumination and background; of the type it had.

    Args:
        image: the field.
        illumination: what it is divided by, or None.
        background: "none", "percentile" or "local".
    """
    if illumination is None and background == "none":
        return image
    values = image.astype(np.float32)
    if illumination is not None:
        values /= illumination
    if background == "percentile":
        values -= np.percentile(values, GROUND, axis=(1, 2), keepdims=True)
    elif background == "local":
        values -= np.stack([smooth_ground(each) for each in values])
    np.maximum(values, 0, out=values)
    if image.dtype.kind == "f":
        return values
    return np.minimum(values.round(), np.iinfo(image.dtype).max).astype(image.dtype)


def smooth_ground(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A smooth surface below everything that is smaller than `LARGE` pixels: a grey opening, smoothed, (H, W)."""
    small = ndimage.zoom(ndimage.uniform_filter(values, COARSE), 1 / COARSE, order=1)
    wide = max(3, LARGE // COARSE)
    opened = ndimage.grey_opening(small, (wide, wide), mode="nearest")
    smooth = ndimage.gaussian_filter(opened, wide / 2, mode="nearest")
    grown = ndimage.zoom(
        smooth, [large / little for large, little in zip(values.shape, small.shape, strict=True)], order=1
    )
    return grown[: values.shape[0], : values.shape[1]].astype(np.float32)


def _fit(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-." else "_" for each in shown(name)).strip("_.") or "scene"
