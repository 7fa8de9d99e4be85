"""Format OME-TIFF: the channels by name, the size of a pixel, and what the samples are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import tifffile
import torch

from gantk.errors import DoesNotFit, FileError
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_cells.stack import channel_names, is_stack, protein_names, shares_red, stack

RED, GREEN = -16776961, 16711935  # RGBA as a signed 32-bit integer, as OME wants it
NOTE = "gantk"  # the key of our own JSON in the OME map annotation


class OmeTiff:
    """OME-TIFF for Fiji, napari, QuPath, …: axes T (one cell a time point), C, Y, X; channel names; pixel size.

    Pairs of one cell (star-shaped nets) are written as a stack: one red channel and each protein's. Other samples with
    units have the channels of every unit one after another.

    Args:
        bits: 8 or 16 a channel; the samples' range becomes the whole range of the integers.
    """

    endings = (".ome.tif", ".ome.tiff")

    def __init__(self, *, bits: Literal[8, 16] = 8):
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
        low, high = spec.range or (float(samples.samples.min()), float(samples.samples.max()))
        top = 2**self.bits - 1
        scaled = ((samples.samples.double().cpu() - low) / max(high - low, 1e-12)).clamp(0, 1) * top
        pixels = scaled.round().numpy().astype(np.uint8 if self.bits == 8 else np.uint16)
        pixels = pixels.reshape(len(pixels), -1, *spec.own_shape[1:])  # (N, units · C, H, W)
        metadata: dict[str, Any] = {
            "axes": "TCYX",
            "Name": path.name,
            "Channel": channels(spec),
            "Description": f"{samples.attributes.get('origin', spec.origin)} images, one cell a time point; gantk",
            "MapAnnotation": {"Namespace": NOTE, NOTE: json.dumps(_about(samples))},
        }
        if size := spec.attributes.get("pixel_size_um"):
            for axis in "XY":
                metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
        try:
            tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", compression="zlib", metadata=metadata)
        except OSError as error:
            raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote, and any other OME-TIFF of images with 8 or 16 bits a channel.

        Raises:
            FileError: it cannot be read, or is of another form.
        """
        try:
            with tifffile.TiffFile(path) as file:
                pixels, axes, xml = file.series[0].asarray(), file.series[0].axes, file.ome_metadata
            root = ElementTree.fromstring(xml) if xml else None
        except Exception as error:  # damaged files raise nearly anything: TiffFileError, zlib.error, ParseError, …
            raise FileError(f"{path}: cannot be read as OME-TIFF: {error}") from error
        if root is None or pixels.dtype not in (np.uint8, np.uint16) or set(axes) - set("TZCYX") or axes[-2:] != "YX":
            raise FileError(f"{path}: not an OME-TIFF of images with 8 or 16 bits a channel ({pixels.dtype}, {axes})")
        channels = pixels.shape[axes.index("C")] if "C" in axes else 1
        if "C" in axes:
            pixels = np.moveaxis(pixels, axes.index("C"), -3)
        pixels = pixels.reshape(-1, channels, *pixels.shape[-2:])  # (N, C, H, W)
        about = _note(root)
        spec = _plain_spec(root, pixels.shape[1:]) if about is None else DataSpec.from_json(about["spec"])
        low, high = spec.range or (0.0, 1.0)
        values = torch.from_numpy(pixels.astype(np.float32) * ((high - low) / np.iinfo(pixels.dtype).max) + low)
        samples = values.reshape(len(values), *spec.shape)
        if about is None:
            return Samples(samples=samples, spec=spec, attributes={"origin": "real"})
        labels = None if about["labels"] is None else torch.tensor(about["labels"])
        return Samples(samples=samples, labels=labels, spec=spec, attributes=about["attributes"])


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


def _about(samples: Samples) -> dict[str, Any]:
    labels = None if samples.labels is None else samples.labels.tolist()
    return {"spec": samples.spec.to_json(), "attributes": samples.attributes, "labels": labels}


def _note(root: ElementTree.Element) -> dict[str, Any] | None:
    for item in root.iter():
        if item.tag.endswith("}M") and item.get("K") == NOTE and item.text:
            try:
                return json.loads(item.text)
            except ValueError:
                return None
    return None


def _plain_spec(root: ElementTree.Element, shape: tuple[int, ...]) -> DataSpec:
    """The spec of a file that another program wrote."""
    names = [item.get("Name") or f"channel {k}" for k, item in enumerate(_all(root, "Channel"))]
    pixels = next(iter(_all(root, "Pixels")), None)
    size = None if pixels is None else pixels.get("PhysicalSizeX")
    return DataSpec(
        shape=shape,
        axes=("channel", "y", "x"),
        names={"channel": tuple(names)} if len(names) == shape[0] else {},
        view="cells/composite",
        formats=("cells/ome_tiff",),
        attributes={"pixel_size_um": float(size)} if size else {},
    )


def _all(root: ElementTree.Element, tag: str) -> list[ElementTree.Element]:
    return [item for item in root.iter() if item.tag.endswith("}" + tag)]
