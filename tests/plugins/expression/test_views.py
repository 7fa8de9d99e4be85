"""Views of expression: which genes, in which order, in whose axes."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from gantk_expression.data.simulated import Simulated
from gantk_expression.logarithms import logarithms
from gantk_expression.markers import marker_genes
from gantk_expression.views.heatmap import Heatmap, sorted_by_type
from gantk_expression.views.panels import components_figure, fitted_components, fold_change_figure
from gantk_expression.views.scatter import ProjectionView
from sklearn.decomposition import PCA

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Samples


@pytest.fixture(scope="module", autouse=True)
def drawn_in_part() -> None:
    """These tests look at pictures with axes."""


SMALL = {"genes": 60, "samples": 300, "held_out": 200, "types": 3, "rarest": 0.2}


def real() -> Samples:
    return take(Simulated("test", **SMALL), 200)


def test_the_heatmap_shows_markers_of_the_real_samples_by_type_on_both_sides() -> None:
    known = real()
    made = replace(known, samples=known.samples.flip(1), attributes={"origin": "generated"})
    figure = Heatmap(known.spec, genes=4, columns=100).figure(made, known)
    left, right = figure.axes[:2]
    genes = []
    for found in marker_genes(known.samples, known.labels, known.spec, 12):
        genes += [gene for gene in found.tolist() if gene not in genes][:4]
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == [known.spec.names["gene"][gene] for gene in genes]
    order, edges, types = sorted_by_type(known, 100)
    expected = logarithms(known.samples, known.spec)[order][:, genes].T
    np.testing.assert_allclose(left.images[0].get_array(), expected, rtol=1e-5)
    np.testing.assert_allclose(
        right.images[0].get_array(), logarithms(made.samples, known.spec)[order][:, genes].T, rtol=1e-5
    )
    assert left.images[0].get_clim() == right.images[0].get_clim() and types == list(known.spec.classes)
    shares = np.diff(edges) / edges[-1]
    np.testing.assert_allclose(shares, known.labels.bincount() / 200, atol=0.02)


def test_components_are_those_of_scikit_learn_fitted_on_real_samples() -> None:
    logs = logarithms(real().samples, real().spec)
    mean, axes, shares = fitted_components(logs, 4)
    fitted = PCA(4, svd_solver="full").fit(logs.double().numpy())
    found = ((logs[:9].double() - mean) @ axes).numpy()
    np.testing.assert_allclose(np.abs(found), np.abs(fitted.transform(logs[:9].double().numpy())), atol=1e-6)
    np.testing.assert_allclose(shares.numpy(), fitted.explained_variance_ratio_, rtol=1e-6)
    made = replace(real(), samples=real().samples * 0 + 20000 / 60)
    shown = components_figure(made, real()).axes[0]
    limits = components_figure(real(), real()).axes[0].get_xlabel()
    assert shown.get_xlabel() == limits  # what is generated does not move the axes


def test_log_fold_changes_are_drawn_for_each_type_that_both_have() -> None:
    known = real()
    figure = fold_change_figure(known, known, markers=5)
    assert figure is not None
    for points in figure.axes[0].collections:
        places = np.asarray(points.get_offsets())
        np.testing.assert_allclose(places[:, 0], places[:, 1], rtol=1e-6)
    assert fold_change_figure(replace(known, labels=None), known) is None


def test_the_report_gets_its_panels_with_and_without_types() -> None:
    known = real()
    view = Heatmap(known.spec)
    assert list(view.panels(known, known)) == ["heatmap", "means", "fold_changes", "components"]
    alone = replace(known, labels=None)
    assert list(view.panels(alone, alone)) == ["heatmap", "means", "components"]


def test_umap_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(DoesNotFit, match="pip install umap-learn"):
        ProjectionView(real().spec, method="umap")


@pytest.mark.long
def test_umap_places_generated_samples_of_a_type_among_real_ones() -> None:
    pytest.importorskip("umap")
    known = real()
    picture = ProjectionView(known.spec, method="umap").draw(known[:50], real=known, caption="step 1")
    assert min(picture.size) > 300 and len(np.unique(np.asarray(picture))) > 20


def test_tiles_have_a_square_for_each_gene_on_one_scale() -> None:
    known = real()
    tiles = Heatmap(known.spec).tiles(known[:3])
    assert len(tiles) == 3 and len({tile.size for tile in tiles}) == 1
    logs = logarithms(known[:3].samples, known.spec)
    lightest = int(logs.max(1).values.argmax())
    assert [int(np.asarray(tile).max()) for tile in tiles].index(255) >= 0
    yellow = [((np.asarray(tile) == (253, 231, 36)).all(-1)).any() for tile in tiles]  # the upper end of viridis
    assert yellow[lightest] and sum(yellow) == int((logs.max(1).values == logs.max()).sum())
