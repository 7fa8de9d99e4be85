"""Format OME-TIFF: the channels by name, the size of a pixel, and what the samples are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import tifffile
import torch
from gantk_basics.files.images.decode import NOTE
from gantk_basics.pixel_values import Levels

from gantk.errors import DoesNotFit, FileError
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_cells.files.plain_images import decoded_file, plain_samples
from gantk_cells.stack import channel_names, is_stack, protein_names, shares_red, stack

RED, GREEN = -16776961, 16711935  # RGBA as a signed 32-bit integer, as OME wants it


class OmeTiff:
    """OME-TIFF for Fiji, napari, QuPath, …: axes T (one cell a time point), C, Y, X; channel names; pixel size.

    Pairs of one cell (star-shaped nets) are written as a stack: one red channel and each protein's. Other samples with
    units have the channels of every unit one after another. Samples modelled on images with known pixel values are
    written in these values: background and white are undone, and the description says so.

    Args:
        bits: 8 or 16 a channel, over whose whole range the samples' range is spread; null: the pixel values and the
            type of the images that the samples are modelled on, 8 bits where these are not known.
    """

    endings = (".ome.tif", ".ome.tiff", ".tif", ".tiff")

    def __init__(self, *, bits: Literal[8, 16] | None = None):
        self.bits = bits

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples to one file.

        Raises:
            DoesNotFit: the samples are not images, or none.
            FileError: the file cannot be written.
        """
        if shares_red(samples):
            samples = stack(samples)
        spec = samples.spec
        if len(spec.own_shape) != 3 or spec.unit_axes > 1 or not len(samples):
            raise DoesNotFit(f"OME-TIFF takes images (channel, y, x), one or more, not samples of {spec.axes}")
        span = spec.range or (float(samples.samples.min()), float(samples.samples.max()))
        names = flat_names(spec)
        known = Levels.of(spec)
        if self.bits or known is None or len(known.white) != len(names):
            known = None
        levels = known or Levels.whole(f"uint{self.bits or 8}", len(names))
        pixels = levels.pixels(samples.samples.reshape(len(samples), -1, *spec.own_shape[1:]), span)
        unit = _in_words(levels, names, known is not None)
        origin = samples.attributes.get("origin", spec.origin)
        metadata: dict[str, Any] = {
            "axes": "TCYX",
            "Name": path.name,
            "Channel": channels(spec),
            "Description": f"{origin} images, one cell a time point; {unit}; gantk",
            "MapAnnotation": {"Namespace": NOTE, "pixel values": unit, NOTE: json.dumps(_about(samples, levels, span))},
        }
        if size := spec.attributes.get("pixel_size_um"):
            for axis in "XY":
                metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
        try:
            tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", compression="zlib", metadata=metadata)
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote, and any other TIFF of images; its slices and time points are samples.

        Raises:
            FileError: it cannot be read, or is of another form.
        """
        decoded = decoded_file(path)
        if decoded.note is None:
            return plain_samples(decoded)
        pixels, about = decoded.images, decoded.note
        try:
            spec = DataSpec.from_json(about["spec"])
            levels = Levels.read(about.get("pixels")) or Levels.whole(pixels.dtype.name, pixels.shape[1])
            low, high = spec.range or about.get("span") or (0.0, 1.0)
            values = levels.values(pixels, (float(low), float(high)))
            samples = values.reshape(len(values), *spec.shape)
            labels = None if about["labels"] is None else torch.tensor(about["labels"])
            return Samples(samples=samples, labels=labels, spec=spec, attributes=dict(about["attributes"]))
        except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise FileError(f"{path}: what gantk wrote into it has been changed: {error}") from error


def channels(spec: DataSpec) -> dict[str, Any]:
    """What the file says of its channels: names, and the colours red and green where the samples are red and green."""
    names = flat_names(spec)
    if not (is_stack(spec) or spec.own_shape[0] == 2):
        return {"Name": names}
    red = [k == 0 if is_stack(spec) else k % 2 == 0 for k in range(len(names))]
    return {"Name": names, "Color": [RED if is_red else GREEN for is_red in red]}


def flat_names(spec: DataSpec) -> list[str]:
    """A name for each channel of an image; with units, those of every unit ("Alp14 Bgs4", "Alp14 protein", …)."""
    units = [""] if spec.unit_axes == 0 else [f"{name} " for name in protein_names(spec)]
    return [unit + channel for unit in units for channel in channel_names(spec)]


def _in_words(levels: Levels, names: list[str], known: bool) -> str:
    """What the pixel values mean, for people."""
    if not known:
        return f"pixel values {levels.background[0]:g} … {levels.white[0]:g} are the model's whole range"
    if len(set(zip(levels.background, levels.white, strict=True))) == 1:
        names = ["every channel"]
    spans = zip(names, levels.background, levels.white, strict=False)
    listed = ", ".join(f"{name} {low:g} … {high:g}" for name, low, high in spans)
    return f"pixel values in the unit of the training images ({levels.type}; background … white: {listed})"


def _about(samples: Samples, levels: Levels, span: tuple[float, float]) -> dict[str, Any]:
    labels = None if samples.labels is None else samples.labels.tolist()
    about = {"spec": samples.spec.to_json(), "attributes": samples.attributes, "labels": labels}
    return {**about, "pixels": levels.document(), "span": list(span)}
