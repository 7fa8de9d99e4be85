"""ExportedModel, ExportedTranslator: a trained generator and all that stands beside it, as exporters get it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gantk.errors import DoesNotFit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from gantk.spec import DataSpec

BATCHES = (1, 3, 7)
TOLERANCE = 1e-4
"""Of the range of the samples: a file whose samples differ by more is not kept."""


@dataclass(frozen=True)
class PictureSide:
    """One side of a translator: the channels of a picture, and what their pixel values are to the net.

    Args:
        name: "condition" or "target"; of data of two domains that of the domain.
        channels: their names.
        low: of each channel, the pixel value that is the lower end of `ExportedTranslator.range` to the net.
        high: of each channel, the pixel value that is its upper end.
    """

    name: str
    channels: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class ExportedTranslator:
    """A generator of pictures from pictures in one direction, with the normalisation of both sides.

    Args:
        net: a module from pictures (B, C, H, W) to pictures (B, C', H, W), both as the net sees them; in evaluation
            mode, on the CPU.
        given: what it is given.
        made: what it makes.
        range: lowest and highest value as the net sees them; `given` is scaled to it linearly.
        clipped: whether what is given is clipped to `range`.
        size_step: what H and W are multiples of.
        least: H and W are no less than this, a multiple of `size_step`.
        reach: how far from a pixel something matters to it; None: everywhere.
        overlap: the least multiple of `size_step` that is no less than `reach`; None: no tiles.
        tile: height and width of the tiles that it was trained on.
        pixel_size: micrometres; None where the data do not say.
        translate: a picture (C, H, W) to (C', H, W), both in the units of the files, as `gantk translate` does.
    """

    net: nn.Module
    given: PictureSide
    made: PictureSide
    range: tuple[float, float]
    clipped: bool
    size_step: int
    least: int
    reach: int | None
    overlap: int | None
    tile: tuple[int, int]
    pixel_size: float | None
    translate: Callable[[NDArray[Any]], NDArray[np.float32]]


@dataclass(frozen=True)
class ExportedModel:
    """A trained generator for another tool.

    Args:
        net: a module whose `forward` takes the inputs in the order of `inputs` and returns samples (B, *spec.shape); in
            evaluation mode, on the CPU.
        inputs: name ("latent", "labels", "condition") to an example of three, (3, …).
        axes: of each input and of "samples", the names of its axes: {"latent": ("batch", "latent"), …}.
        spec: of the samples.
        draw: `(n, seed)`: other inputs, n of each, as `gantk sample --seed` draws latents.
        generator: the net that samples come from, with the names of its weights as in a checkpoint.
        facts: JSON values: recipe (YAML text), spec, step, digest of the checkpoint, plugins, gantk.
        card: the model card, Markdown.
        about: one line, from the recipe.
        authors: names, as they were given; may be none.
        licence: of the model, an SPDX identifier as it was given; "" where none was.
        citations: gantk's own and those of the papers of its components: BibTeX fields, and "key".
        translator: `()`: the same as an `ExportedTranslator`; raises DoesNotFit with the reason where it is none.
    """

    net: nn.Module
    inputs: Mapping[str, Tensor]
    axes: Mapping[str, tuple[str, ...]]
    spec: DataSpec
    draw: Callable[[int, int], Mapping[str, Tensor]]
    generator: nn.Module
    facts: Mapping[str, Any]
    card: str
    about: str
    authors: tuple[str, ...]
    licence: str
    citations: tuple[Mapping[str, str], ...]
    translator: Callable[[], ExportedTranslator]

    def compare(self, run: Callable[[Mapping[str, Tensor]], np.ndarray], what: str) -> str:
        """Compares the samples of what was written with those of `net`, in batches of 1, 3 and 7.

        Args:
            run: inputs by name to samples, by the other tool.
            what: it is called in messages: "onnxruntime 1.22".

        Returns:
            a line with the largest difference.

        Raises:
            DoesNotFit: they differ by more than a ten-thousandth of the range.
        """
        largest, width = 0.0, 0.0
        for n in BATCHES:
            inputs = self.draw(n, n)
            with torch.no_grad():
                own = self.net(*inputs.values()).float().numpy()
            try:
                theirs = np.asarray(run(inputs), dtype=np.float32)
            except Exception as error:  # whatever the other tool raises
                raise DoesNotFit(
                    f"{what} cannot run it with a batch of {n}: {str(error).splitlines()[0]}. If the size of a batch "
                    "is fixed in it: in `forward`, write x.shape[0] for len(x)"
                ) from error
            if own.shape != theirs.shape:
                raise DoesNotFit(f"by {what}, a batch of {n} has the shape {theirs.shape}, and not {own.shape}")
            largest = max(largest, float(np.abs(own - theirs).max()))
            width = max(width, float(np.ptp(own)))
        if self.spec.range is not None:
            width = self.spec.range[1] - self.spec.range[0]
        if not largest <= TOLERANCE * width:
            raise DoesNotFit(
                f"by {what}, samples differ by {largest:.2g}, which is more than {TOLERANCE:g} of their range "
                f"({width:.3g}): no file was kept"
            )
        return f"samples by {what} differ by at most {largest:.2g} (range {width:.3g}; batches of 1, 3 and 7)"
