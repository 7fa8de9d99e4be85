"""A metric and a view for data with classes."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from PIL import Image, ImageDraw
from sklearn.linear_model import LogisticRegression

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples, Value, View
from gantk.spec import DataSpec


class ClassAgreement(Metric):
    """The share of generated samples in which a classifier of real ones sees the class they were made with.

    The classifier is a logistic regression on the values of the training samples. The reference is its share on the
    test split. Copies of training samples pass: it says nothing of memorisation.

    Args:
        samples: how many generated samples are looked at.
        learned: how many training samples the classifier learns from, at most.
    """

    learns_classes = True

    def __init__(self, *, samples: Annotated[int, Ge(1)] = 500, learned: Annotated[int, Ge(10)] = 2000):
        self.samples = samples
        self.learned = learned

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`agreement`, beside that of real test samples.

        Raises:
            DoesNotFit: the generator takes no labels, or the data have none.
        """
        known = take(inputs.train, self.learned, inputs.rng)
        if inputs.generated.labels is None or known.labels is None:
            raise DoesNotFit("examples/class_agreement needs data with labels, and a generator that takes them")
        classifier = LogisticRegression(max_iter=200).fit(known.samples.flatten(1).numpy(), known.labels.numpy())
        real = take(inputs.test, self.samples, inputs.rng)
        return {
            "agreement": Value(_share(classifier, inputs.generated), "higher", _share(classifier, real), "real test")
        }


def _share(classifier: LogisticRegression, samples: Samples) -> float:
    assert samples.labels is not None
    return float(classifier.score(samples.samples.flatten(1).cpu().numpy(), samples.labels.cpu().numpy()))


class ClassRows(View):
    """A row of images for each class, with its name; samples without labels in rows as they come.

    Args:
        spec: what one sample is: one channel, y and x.
        columns: images of a class, at most.
        scale: pixels of the picture for a pixel of a sample.
    """

    def __init__(self, spec: DataSpec, *, columns: Annotated[int, Ge(1)] = 10, scale: Annotated[int, Ge(1)] = 3):
        if spec.unit_axes or len(spec.shape) != 3 or spec.shape[0] != 1:
            raise DoesNotFit(f"examples/class_rows draws grey images (1, y, x), not {spec.shape}; use basics/images")
        self.spec = spec
        self.columns = columns
        self.scale = scale

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """Generated rows, and below them the real ones."""
        rows = self._rows(samples) + ([] if real is None else [("real:", None), *self._rows(real)])
        side = self.scale * self.spec.shape[1] + 2
        page = Image.new("L", (80 + self.columns * (self.scale * self.spec.shape[2] + 2), 20 + len(rows) * side), 255)
        pen = ImageDraw.Draw(page)
        pen.text((4, 4), caption, 0)
        for number, (name, images) in enumerate(rows):
            pen.text((4, 20 + number * side + side // 3), name, 0)
            if images is not None:
                page.paste(Image.fromarray(images), (80, 20 + number * side))
        return page

    def _rows(self, samples: Samples) -> list[tuple[str, np.ndarray | None]]:
        values = samples.samples[:, 0].detach().float().cpu().numpy()
        low, high = self.spec.range or (float(values.min()), float(values.max()))
        grey = ((values - low) / max(high - low, 1e-9) * 255).clip(0, 255).astype(np.uint8)
        grey = np.pad(grey.repeat(self.scale, 1).repeat(self.scale, 2), ((0, 0), (1, 1), (1, 1)), constant_values=255)
        if samples.labels is None:
            return [("", _line(grey[at : at + self.columns])) for at in range(0, len(grey), self.columns)]
        labels = samples.labels.cpu().numpy()
        return [
            (name, _line(grey[labels == number][: self.columns]) if (labels == number).any() else None)
            for number, name in enumerate(self.spec.classes)
        ]


def _line(images: np.ndarray) -> np.ndarray:
    return np.concatenate(list(images), axis=1)
