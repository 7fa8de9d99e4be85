"""Files of other programs as samples: to be looked at, or compared. Format of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from gantk_basics.files.images.decode import Decoded, decode
from gantk_basics.pixel_values import Levels

from gantk import machine
from gantk.errors import DataError, DoesNotFit, FileError
from gantk.interfaces import Samples
from gantk.spec import DataSpec


class Picture:
    """PNG of one image, read as the data sets read it: 8 or 16 bits, without alpha. Samples are not written to it.

    `gantk sample -o FILE.png` draws a picture of the samples, which is no file of samples.
    """

    endings = (".png",)
    writes = False

    def write(self, path: Path, samples: Samples) -> None:
        """Writes nothing.

        Raises:
            DoesNotFit: always; it says what to write instead.
        """
        raise DoesNotFit(
            f"{path}: a PNG holds one image without the names of its channels; write {path.stem}.ome.tif or "
            f"{path.stem}.h5. `gantk view` and `gantk sample RUN -o {path.name}` draw pictures"
        )

    def read(self, path: Path) -> Samples:
        """Reads one image.

        Raises:
            FileError: it cannot be read.
        """
        return plain_samples(decoded_file(path))


def decoded_file(path: Path) -> Decoded:
    """What a file of images holds, slices and time points as images of their own.

    Raises:
        FileError: it cannot be read.
    """
    try:
        decoded = decode(path, slices=True)
        values = decoded.images
        machine.refuse_above_data_limit(
            values.nbytes + 4 * values.size, f"{path}, as floating-point numbers,", DataError
        )
        return decoded
    except DataError as error:
        raise FileError(str(error)) from error
    except Exception as error:  # damaged files raise nearly anything: TiffFileError, zlib.error, ParseError, …
        raise FileError(f"{path}: cannot be read as {path.suffix[1:].upper()}: {error}") from error


def plain_samples(decoded: Decoded) -> Samples:
    """Images of a file that says nothing of background and white: integers over the whole range of their type.

    Views draw such images by percentiles of each channel (`contrast`), since a camera seldom fills that range. Of
    floating-point numbers, which have no such range, values stay as they are.
    """
    channels = decoded.images.shape[1]
    names = tuple(name or f"channel {k}" for k, name in enumerate(decoded.names))
    attributes: dict[str, Any] = {} if decoded.pixel_size is None else {"pixel_size_um": decoded.pixel_size}
    whole = None if decoded.images.dtype.kind == "f" else Levels.whole(decoded.images.dtype.name, channels)
    if whole is None:
        samples = torch.from_numpy(decoded.images)
    else:
        samples = whole.values(decoded.images, (-1.0, 1.0))
        attributes["pixels"] = whole.document()
    in_colour = decoded.colour and channels == 3 and decoded.images.dtype == np.uint8
    spec = DataSpec(
        shape=tuple(decoded.images.shape[1:]),
        axes=("channel", "y", "x"),
        range=None if whole is None else (-1.0, 1.0),
        names={"channel": names} if len(names) == channels else {},
        view="basics/images" if in_colour else "cells/composite",
        formats=("cells/ome_tiff",),
        attributes=attributes if in_colour else {**attributes, "contrast": "percentiles"},
    )
    return Samples(samples=samples, spec=spec, attributes={"origin": "real"})
