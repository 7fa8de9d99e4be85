"""The rules of the conformance kit, for the systems of games and divergences, and BiGAN."""

import pytest

from gantk.testing.conformance import Case, cases

MINE = {
    "loss/fgan", "loss/began", "loss/ebgan", "loss/unrolled", "loss/infogan", "loss/bigan",
    "critic/joint", "generator/coded", "metric/reconstruction", "metric/code_information",
}  # fmt: skip
SMALL = {"use": "basics/mlp", "latent": 16, "hidden": [16]}
EVERY = cases(
    "zoo",
    examples=3,
    parameters={
        "bigan": {"encoder": {"use": "basics/mlp", "hidden": [16]}},
        "joint": {"width": 16},
        "coded": {"width": 16},
        "unrolled": {"updates": 2},
    },
    nets={
        "bigan": {"generator": SMALL, "critic": {"use": "zoo/joint", "width": 16}},
        "began": {"generator": SMALL, "critic": "basics/autoencoder", "data": "basics/digits"},
        "ebgan": {"generator": SMALL, "critic": "basics/autoencoder", "data": "basics/digits"},
        "infogan": {"generator": "zoo/coded", "critic": "basics/mlp", "data": "basics/digits"},
    },
)
CHOSEN = [case for case in EVERY if case.component in MINE]


@pytest.mark.parametrize("case", CHOSEN, ids=[case.name for case in CHOSEN])
def test_conformance(case: Case) -> None:
    outcome, text = case.outcome()
    if outcome == "not checked":
        (pytest.fail if case.rule == "builds" else pytest.skip)(text)
    assert outcome != "broken", text


def test_every_system_is_looked_at() -> None:
    assert {case.component for case in CHOSEN} == MINE
