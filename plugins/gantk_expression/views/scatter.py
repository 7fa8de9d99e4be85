"""Views of samples as clouds: means and log-fold changes by gene, and projections whose axes are the real samples'."""

from __future__ import annotations

from textwrap import fill
from typing import Annotated, Any, Literal

from annotated_types import Ge
from PIL import Image

from gantk.errors import DoesNotFit
from gantk.interfaces import Panel, Samples, View
from gantk.plots import new_figure, to_image
from gantk.spec import DataSpec
from gantk_expression.logarithms import gene_count, logarithms
from gantk_expression.views.panels import (
    components_figure,
    fitted_components,
    fold_change_figure,
    means_figure,
    overlay,
    panels,
)

COMPONENTS = 30  # that UMAP is given


class Scatter(View):
    """Each gene a dot: mean, share of zeros, and log-fold changes of markers, generated over real.

    Args:
        spec: what one sample is: a number for each gene.
        markers: of each type, whose log-fold changes are drawn.
    """

    def __init__(self, spec: DataSpec, *, markers: Annotated[int, Ge(1)] = 10):
        gene_count(spec, "expression/scatter")
        self.spec = spec
        self.markers = markers

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture; without real samples the halves of the samples are compared.

        Args:
            samples: (N, G), N of 1 or more.
            real: what the horizontal axes are of.
            caption: printed above.
        """
        known = samples[::2] if real is None else real
        shown = samples if real is not None or len(samples) < 2 else samples[1::2]
        pictures = [means_figure(shown, known), fold_change_figure(shown, known, self.markers)]
        drawn = [to_image(figure) for figure in pictures if figure is not None]
        return _under(caption, _beside(drawn))

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """Means, log-fold changes and principal components."""
        return panels(samples, real)


class ProjectionView(View):
    """Generated samples over real ones in two dimensions that are the real ones': principal components, or UMAP.

    Axes are fitted on the real samples alone, and generated ones placed in them; without real samples, on the samples.
    UMAP (McInnes et al. 2018) is of 30 principal components, and needs the package umap-learn. Its distances between
    clusters mean nothing, and it may place what is unlike all real samples among them: trust the components.

    Args:
        spec: what one sample is: a number for each gene.
        method: `components`: principal components 1 to 4; `umap`.
        neighbours: of UMAP: how many real ones each is placed by.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        method: Literal["components", "umap"] = "components",
        neighbours: Annotated[int, Ge(2)] = 15,
    ):
        gene_count(spec, "expression/projection")
        if method == "umap":
            _umap()
        self.spec = spec
        self.method = method
        self.neighbours = neighbours

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture.

        Args:
            samples: (N, G), N of 1 or more.
            real: the axes are fitted on them.
            caption: printed above.
        """
        known = samples if real is None else real
        if self.method == "components" or len(known) <= self.neighbours:
            return _under(caption, to_image(components_figure(samples, known)))
        one, other = (logarithms(each.samples, self.spec) for each in (known, samples))
        mean, axes_of, _ = fitted_components(one, COMPONENTS)
        places = [((each.double() - mean) @ axes_of).numpy() for each in (one, other)]
        reducer = _umap().UMAP(n_neighbors=self.neighbours, random_state=0, n_jobs=1)
        fitted = reducer.fit_transform(places[0])
        figure = new_figure(5.0, 4.6)
        axes = figure.add_subplot()
        overlay(axes, fitted, reducer.transform(places[1]), known, samples)
        axes.set(xlabel="UMAP 1", ylabel="UMAP 2", xticks=[], yticks=[])
        figure.legend(loc="outside upper center", ncols=4, fontsize=7)
        return _under(caption, to_image(figure))

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """Means, log-fold changes and principal components."""
        return panels(samples, real)


def _umap() -> Any:
    try:
        import umap
    except ImportError as error:
        raise DoesNotFit(
            "expression/projection with `method: umap` needs the package umap-learn, which is not installed: "
            "pip install umap-learn, or take `method: components`"
        ) from error
    return umap


def _beside(pictures: list[Image.Image]) -> Image.Image:
    page = Image.new("RGB", (sum(each.width for each in pictures), max(each.height for each in pictures)), "white")
    at = 0
    for each in pictures:
        page.paste(each, (at, 0))
        at += each.width
    return page


def _under(caption: str, picture: Image.Image) -> Image.Image:
    """A picture with a caption above it."""
    if not caption:
        return picture
    figure = new_figure(picture.width / 110, 0.4)
    figure.set_layout_engine("none")  # there are no axes to lay out
    figure.text(0.01, 0.5, fill(caption, max(40, picture.width // 7)), fontsize=9, va="center")
    heading = to_image(figure)
    page = Image.new("RGB", (picture.width, picture.height + heading.height), "white")
    page.paste(heading, (0, 0))
    page.paste(picture, (0, heading.height))
    return page
