"""The view of points on a line or in a plane."""

from textwrap import fill
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from PIL import Image
from rich.text import Text
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Nearest, Panel, Samples, View
from gantk.plots import MADE, REAL, even_edges, histograms, new_figure, to_image
from gantk.spec import DataSpec

LEAST = 1.0  # no axis is shorter, so that a single point does not fill the picture with its last digits


class Points(View):
    """A scatter of points in a plane, generated ones over real ones, in equal scales; on a line, their histogram.

    Args:
        spec: what one point is: one or two coordinates.
        size: width and height of the picture, pixels.
    """

    def __init__(self, spec: DataSpec, *, size: Annotated[int, Ge(120)] = 480):
        if spec.shape not in ((1,), (2,)):
            raise DoesNotFit(
                f"basics/points draws points in a plane or on a line, but these samples are "
                f"{' x '.join(map(str, spec.shape))} ({', '.join(spec.axes)})"
            )
        self.spec = spec
        self.size = size

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture of all points.

        Args:
            samples: (N, 1) or (N, 2), N of 1 or more.
            real: drawn behind them, and setting the scales together with them.
            caption: printed above.
        """
        figure = new_figure(self.size / 100, self.size / 100)
        axes = figure.add_subplot()
        area = max(4.0, min(30.0, 4000 / len(samples)))
        points = samples.samples.detach().cpu()
        behind = points[:0] if real is None else real.samples.cpu()
        made = str(samples.attributes.get("origin", "samples"))
        limits = _square(torch.cat([points, behind]))
        names = self._names()
        if len(names) == 1:
            edges = np.linspace(*limits[0], 41)
            for values, colour, name in ((behind, REAL, self.spec.origin), (points, MADE, made)):
                if len(values):
                    counts, _ = np.histogram(values.numpy(), edges)
                    axes.stairs(counts / len(values), edges, color=colour, label=name, fill=colour == REAL)
            axes.set(xlim=limits[0], xlabel=names[0], ylabel="share of points")
        else:
            if real is not None:
                axes.scatter(behind[:, 0], behind[:, 1], area, REAL, linewidths=0, label=self.spec.origin)
            axes.scatter(points[:, 0], points[:, 1], area, MADE, linewidths=0, alpha=0.7, label=made)
            axes.set(xlim=limits[0], ylim=limits[1], aspect="equal", xlabel=names[0], ylabel=names[1])
        axes.spines[["top", "right"]].set_visible(False)
        figure.suptitle(fill(caption, self.size // 11), fontsize=9)
        figure.legend(loc="outside lower center", ncols=2 if self.size >= 450 else 1, frameon=False, fontsize=8)
        return to_image(figure, dpi=100)

    def text(self, samples: Samples) -> Text:
        """The coordinates as numbers, a point a line."""
        rows = samples.samples.detach().cpu().tolist()
        return Text("".join("  ".join(f"{value:10.4g}" for value in row) + "\n" for row in rows), no_wrap=True)

    def beside_nearest(self, samples: Samples, training: Nearest, held_out: Nearest) -> Image.Image:
        """Refuses: points side by side show nothing.

        Raises:
            DoesNotFit: always.
        """
        raise DoesNotFit(
            "a point beside its nearest one is a dot beside a dot: nothing can be seen there, and among many points "
            "one is always near. basics/memorisation compares their distances: gantk evaluate RUN "
            "'evaluate=[{use: basics/memorisation}]'"
        )

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """Many points, and how each coordinate is distributed."""
        names = self._names()
        figure = new_figure()
        plots = figure.subplots(1, len(names), squeeze=False)[0]
        for number, (axes, name) in enumerate(zip(plots, names, strict=True)):
            found, expected = samples.samples[:, number].cpu().numpy(), real.samples[:, number].cpu().numpy()
            edges = even_edges(expected, 30)
            histograms(axes, found, expected, edges, real.spec.origin)
            axes.set_xlabel(name)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return {
            "many": Panel(
                f"{len(samples):,} points",
                f"Generated points over {len(real):,} {real.spec.origin} held-out ones.",
                self.draw(samples, real=real),
            ),
            "coordinates": Panel(
                "Each coordinate alone",
                "Their distributions. A mode that the generator leaves out is missing here too.",
                figure,
            ),
        }

    def _names(self) -> tuple[str, ...]:
        return self.spec.names.get(self.spec.axes[0], ("x", "y")[: self.spec.shape[0]])


def _square(points: Tensor) -> list[tuple[float, float]]:
    """Limits of both axes, of one length, that hold all points that are numbers."""
    known = points[points.isfinite().all(1)]
    if not len(known):
        known = torch.zeros(1, points.shape[1])
    low, high = known.amin(0), known.amax(0)
    reach = max(LEAST, (high - low).max().item() * 1.1) / 2
    return [(middle - reach, middle + reach) for middle in ((low + high) / 2).tolist()]
