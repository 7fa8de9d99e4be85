"""A view and a metric of pictures that are made from pictures."""

from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from PIL import Image, ImageDraw
from torch import Tensor

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples, Value, declares
from gantk.sampling import render
from gantk.spec import DataSpec

LABEL = 110  # pixels for the names of rows


class Translations:
    """Columns of images: above what was given, below what was made of it, and at the bottom what is right.

    Of two domains, what was given of the one stands above what was made of it in the other.

    Args:
        spec: what one sample is: one channel, y and x, perhaps with domains as units.
        columns: samples, at most.
        scale: pixels of the picture for a pixel of a sample; by default so that an image is about 48 high.
    """

    def __init__(
        self, spec: DataSpec, *, columns: Annotated[int, Ge(1)] = 12, scale: Annotated[int, Ge(1)] | None = None
    ):
        if spec.unit_axes > 1 or len(spec.own_shape) != 3 or spec.own_shape[0] != 1:
            raise DoesNotFit(f"examples/translations draws grey images (1, y, x), not {spec.shape}; use basics/images")
        self.spec = spec
        self.columns = columns
        self.scale = scale or max(1, 48 // spec.own_shape[1])

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """Rows of given, made and, where `real` are the same pairs, right ones."""
        made = self._by_unit(samples.samples)
        given = self._by_unit(samples.condition) if _made_of_pictures(samples) else {}
        origin = str(samples.attributes.get("origin", ""))
        rows: list[tuple[str, Tensor]] = []
        for (name, images), source in zip(made.items(), reversed(list(given.items() or made.items())), strict=True):
            if given:
                rows.append((f"given {self._given_name(source[0])}", source[1]))
            rows.append((f"{'made' if origin.startswith('generated') else origin} {name}", images))
        if real is not None and not _is_own_condition(real):  # of two domains they are what was given
            rows += [(f"real {name}", images) for name, images in self._by_unit(real.samples).items()]
        return self._page(rows, caption)

    def _given_name(self, name: str) -> str:
        return name if self.spec.unit_axes else str(self.spec.attributes.get("given", ""))

    def _by_unit(self, values: Tensor | None) -> dict[str, Tensor]:
        assert values is not None
        shown = values[: self.columns].detach().float().cpu()
        if not self.spec.unit_axes:
            return {"".join(self.spec.names.get(self.spec.axes[0], ())): shown[:, 0]}
        names = self.spec.names.get(self.spec.axes[0], tuple(map(str, range(self.spec.unit_count))))
        return {name: shown[:, unit, 0] for unit, name in enumerate(names)}

    def _page(self, rows: list[tuple[str, Tensor]], caption: str) -> Image.Image:
        low, high = self.spec.range or (
            min(float(each.min()) for _, each in rows),
            max(float(each.max()) for _, each in rows),
        )
        height, width = (self.scale * size + 2 for size in self.spec.own_shape[1:])
        count = max(len(images) for _, images in rows)
        page = Image.new("L", (LABEL + count * width, 20 + len(rows) * height), 255)
        pen = ImageDraw.Draw(page)
        pen.text((4, 4), caption, 0)
        for row, (name, images) in enumerate(rows):
            top = 20 + row * height
            pen.text((4, top + height // 2 - 6), name.strip(), 0)
            grey = ((images - low) / max(high - low, 1e-9) * 255).clamp(0, 255).numpy().astype(np.uint8)
            for column, image in enumerate(grey.repeat(self.scale, 1).repeat(self.scale, 2)):
                page.paste(Image.fromarray(image), (LABEL + column * width, top))
        return page


def _is_own_condition(samples: Samples) -> bool:
    return samples.condition is not None and torch.equal(samples.condition, samples.samples)


def _made_of_pictures(samples: Samples) -> bool:
    alike = samples.condition is not None and samples.condition.shape[1:] == samples.samples.shape[1:]
    return alike and not _is_own_condition(samples)


class Translation(Metric):
    """How far what a generator makes of test conditions is from what is right: mean absolute difference.

    Right is the sample that belongs to the condition, or what the data set calls `translated`. The reference is
    the mean of the right ones of the training split, which looks at no condition. `cycle`, where samples are their own
    condition: how far the way there and back leads from where it began; the reference is the same mean.

    Args:
        looked_at: how many test samples, at most.
    """

    samples = 0

    def __init__(self, *, looked_at: Annotated[int, Ge(1)] = 500):
        self.looked_at = looked_at

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`error`, and `cycle` where there is a way back.

        Raises:
            DoesNotFit: a generator that takes no condition.
        """
        generator = inputs.nets.get("generator")
        real, known = take(inputs.test, self.looked_at, inputs.rng), take(inputs.train, self.looked_at, inputs.rng)
        if generator is None or not declares(generator, "condition") or real.condition is None:
            raise DoesNotFit("examples/translation needs data with a condition, and a generator that takes it")
        at: Any = next(generator.parameters()).device

        def made(condition: Tensor) -> Tensor:
            return render(generator, inputs.test.spec, None, len(condition), condition=condition, device=at).samples

        right, usual = (each.truth.get("translated", each.samples) for each in (real, known))
        translated = made(real.condition)
        values = {"error": _apart(translated, right, usual)}
        if real.condition.shape == real.samples.shape and torch.equal(real.condition, real.samples):
            values["cycle"] = _apart(made(translated), real.condition, known.samples)
        return values


def _apart(made: Tensor, right: Tensor, usual: Tensor) -> Value:
    mean_image = float((usual.mean(0) - right).abs().mean())
    return Value(float((made - right).abs().mean()), "lower", mean_image, "mean image")
