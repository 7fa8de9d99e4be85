"""One image of a class as training wants it: its channels, colours, bits and size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gantk.errors import DataError
from gantk_basics.files.images.alpha import Alpha
from gantk_basics.files.images.channel_files import names_of
from gantk_basics.files.images.class_folder import ClassFolder, shown
from gantk_basics.files.images.decode import Decoded, chosen, decode
from gantk_basics.image_sizes import Fit, fitted

Colours = Literal["grey", "rgb"]
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601), as Pillow's mode L
BITS = {8: "uint8", 16: "uint16"}


@dataclass(frozen=True)
class Reading:
    """How files become arrays: all of it changes what is cached, but `damaged`.

    Args:
        channels: which channels of a file, in this order: numbers or names; None means all.
        size: (height, width) that images are brought to; None keeps them, and then all must be equal.
        fit: how they are brought there.
        damaged: whether an unreadable file is an error, or left out.
        same_order: whether the channels are known to be in the same order in all files, whatever these call them.
        alpha: what becomes of transparency; None leaves it out, and says so.
        colours: what grey and colour pictures are brought to; None: as they are.
        bits: of a channel that whole numbers are brought to, 8 or 16; None: as they are.
        pictures: whether files that differ in kind (grey, colour, bits) are counted and refused with the cure.
        stream: whether images are kept on disk rather than in memory.
    """

    channels: tuple[int | str, ...] | None
    size: tuple[int, int] | None = None
    fit: Fit = "scale"
    damaged: Literal["error", "skip"] = "error"
    same_order: bool = False
    alpha: Alpha | None = None
    colours: Colours | None = None
    bits: Literal[8, 16] | None = None
    pictures: bool = False
    stream: bool = False

    @property
    def classes_key(self) -> str:
        """The key of a recipe that names the classes, for messages."""
        return "classes" if self.pictures else "proteins"


@dataclass(frozen=True)
class FileImages:
    """What was read of one file, and what it says of itself.

    Args:
        images: of one cell or several, (n, C, H, W).
        padded: pixels of each that were padded.
        stack_of: how many channels the file has; 0: a colour picture.
        kind: what kind of picture it is, in words: "RGB of 8 bits".
        names: of the channels.
        pixel_size: micrometres, or None.
        origin: what gantk wrote of its own images, else "".
        left_out: channels that hold something and were not chosen.
        remarks: what of the file was left out, or taken in one sense of several.
    """

    images: NDArray[Any]
    padded: int
    stack_of: int
    kind: str
    names: tuple[str, ...]
    pixel_size: float | None
    origin: str
    left_out: tuple[int, ...]
    remarks: tuple[str, ...]


def reason_of(error: Exception) -> str:
    """Why a file cannot be read, in a line."""
    text = str(error).strip()
    plain = isinstance(error, (DataError, ValueError)) and text
    return text if plain else f"it is damaged, or of another form than its ending says ({type(error).__name__}: {text})"


def decode_image(folder: ClassFolder, number: int, alpha: Alpha | None = None) -> Decoded:
    """One image of a class: a file, or the files of its channels together.

    Raises:
        DataError: sound files that are no image with channels.
        Exception: damaged files raise nearly anything.
    """
    if not folder.parts:
        return decode(folder.path / folder.files[number], alpha=alpha)
    files = folder.parts[number]
    if "" in files:
        there = next(file for file in files if file)
        raise ValueError(f"beside {shown(there)} there is no file of {folder.markers[files.index('')]}")
    read = [decode(folder.path / file, alpha=alpha) for file in files]
    planes = []
    for file, each in zip(files, read, strict=True):
        lit = [k for k in range(each.images.shape[1]) if each.images[:, k].max() > each.images[:, k].min()] or [0]
        if len(each.images) > 1 or len(lit) > 1:
            raise DataError(
                f"{shown(folder.path / file)} holds {len(lit)} channels, but by its name it is one of the files of an "
                "image, one channel each: data.channel_files=[] reads every file as an image"
            )
        planes.append(each.images[:, lit])
    if len({plane.shape for plane in planes}) > 1 or len({plane.dtype for plane in planes}) > 1:
        raise ValueError(f"its files {', '.join(map(shown, files))} differ in size or type of pixels")
    remarks = tuple(dict.fromkeys(remark for each in read for remark in each.remarks))
    return Decoded(np.concatenate(planes, 1), names_of(folder.markers), read[0].pixel_size, remarks=remarks)


def read_file(folder: ClassFolder, number: int, reading: Reading) -> FileImages | str:
    """What one image of a class holds, or why it cannot be read.

    Raises:
        DataError: the file is sound, but not of the form that `reading` asks for.
    """
    path = folder.path / folder.files[number]
    try:
        decoded = decode_image(folder, number, reading.alpha)
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything: OSError, SyntaxError, zlib.error, KeyError, …
        return reason_of(error)
    try:
        decoded = replace(decoded, images=_of_bits(decoded.images, reading.bits))
        decoded = _in_colours(decoded, reading.colours)
        channels = chosen(path, decoded, reading.channels)
        cells = [fitted(image, reading.size, reading.fit) for image in decoded.images[:, channels]]
    except ValueError as error:
        raise DataError(f"{shown(path)} {error}") from error
    images = np.stack([image for image, _ in cells])
    before, after = decoded.images.shape[2:], images.shape[2:]
    pixel_size = decoded.pixel_size
    if pixel_size is not None and reading.fit in ("scale", "cover") and before != after:
        same = before[0] * after[1] == before[1] * after[0]
        pixel_size = pixel_size * before[1] / after[1] if same else None
    every = set(range(decoded.images.shape[1]))
    return FileImages(
        images,
        cells[0][1],
        0 if decoded.colour else decoded.images.shape[1],
        _kind(images, decoded.colour and reading.channels is None),
        tuple(decoded.names[k] for k in channels) if decoded.names else (),
        pixel_size,
        decoded.origin,
        tuple(k for k in every - set(channels) if _holds_something(decoded.images[:, k])),
        decoded.remarks,
    )


def _holds_something(plane: NDArray[Any]) -> bool:
    return bool(plane.max() > plane.min())


def _kind(images: NDArray[Any], colour: bool) -> str:
    channels = images.shape[1]
    what = "RGB" if colour else "grey" if channels == 1 else f"{channels} channels"
    return f"{what} {'of floating-point numbers' if images.dtype.kind == 'f' else f'of {8 * images.itemsize} bits'}"


def _of_bits(images: NDArray[Any], bits: int | None) -> NDArray[Any]:
    """Whole numbers over the whole range of 8 or 16 bits."""
    if bits is None or images.dtype.name == BITS[bits]:
        return images
    if images.dtype.kind == "f":
        raise ValueError(f"has floating-point pixels, which data.bits={bits} cannot bring to {bits} bits")
    return images.astype(np.uint16) * np.uint16(257) if bits == 16 else ((images + 128.0) // 257).astype(np.uint8)


def _in_colours(decoded: Decoded, colours: Colours | None) -> Decoded:
    """A picture in grey or in red, green and blue."""
    images = decoded.images
    count = images.shape[1]
    if colours is None or (colours == "grey" and count == 1) or (colours == "rgb" and count == 3):
        return replace(decoded, colour=colours == "rgb") if colours else decoded
    if colours == "rgb" and count == 1:
        return replace(decoded, images=images.repeat(3, axis=1), names=(), colour=True)
    if colours == "grey" and decoded.colour:
        bright = np.tensordot(images.astype(np.float64), LUMINANCE, axes=(1, 0))[:, None]  # (n, 1, H, W)
        bright = bright if images.dtype.kind == "f" else (bright + 0.5).astype(images.dtype)
        return replace(decoded, images=bright.astype(images.dtype), names=(), colour=False)
    what = "channels that are no colours" if count == 3 else "channels"
    raise ValueError(f"has {count} {what}, so it has no {colours} version; choose by number: data.channels=[0]")
