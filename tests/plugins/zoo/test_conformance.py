"""The zoo keeps gantk's rules."""

from gantk.testing import conformance

ENCODER = {"encoder": {"use": "basics/mlp", "outputs": 8, "hidden": [16]}}
COMBINED = {**ENCODER, "loss": {"use": "basics/gan"}}
DIGITS = {"use": "basics/digits"}

test_plugin = conformance(
    "zoo",
    parameters={"vae": ENCODER, "cvae": ENCODER, "vaegan": ENCODER, "cvae_acgan": COMBINED},
    nets={
        "cvae_acgan": {"generator": {"use": "basics/mlp", "latent": 14, "hidden": [16]}, "data": DIGITS},
        "vaegan": {"generator": {"use": "basics/mlp", "latent": 4, "hidden": [16]}, "data": DIGITS},
        "vae": {"generator": {"use": "basics/mlp", "latent": 4, "hidden": [16]}, "data": DIGITS},
        "cvae": {"generator": {"use": "basics/mlp", "latent": 14, "hidden": [16]}, "data": DIGITS},
    },
)
