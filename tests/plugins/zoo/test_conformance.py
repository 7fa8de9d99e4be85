"""The zoo keeps gantk's rules."""

from gantk.testing import conformance

ENCODER = {"encoder": {"use": "basics/mlp", "outputs": 8, "hidden": [16]}}
DIGITS = "basics/digits"
SMALL = {"use": "basics/mlp", "latent": 4, "hidden": [16]}
LONGER = {"use": "basics/mlp", "latent": 16, "hidden": [16]}
AUTOENCODER = {"generator": LONGER, "critic": "basics/autoencoder", "data": DIGITS}

test_plugin = conformance(
    "zoo",
    examples=3,
    parameters={
        "autoencoder": {"encoder": {"use": "basics/mlp", "outputs": 4, "hidden": [16]}},
        "vae": ENCODER,
        "cvae": ENCODER,
        "vaegan": ENCODER,
        "cvae_acgan": {**ENCODER, "loss": {"use": "basics/gan"}},
        "acgan": {"loss": {"use": "basics/gan"}},
        "icgan": {"loss": {"use": "basics/gan"}, "encoder": {"use": "basics/mlp", "outputs": 14, "hidden": [16]}},
        "semi_supervised": {"loss": {"use": "basics/gan"}},
        "bigan": {"encoder": {"use": "basics/mlp", "hidden": [16]}},
        "few_labels": {"steps": 5, "seeds": 1},
        "joint": {"width": 16},
        "coded": {"width": 16},
        "unrolled": {"updates": 2},
        "pyramid": {"hidden": 16, "width": 4},
        "features": {"labels": [10], "draws": 2, "looked_at": 200},
    },
    nets={
        "autoencoder": {"generator": SMALL, "data": DIGITS},
        "vaegan": {"generator": SMALL, "data": DIGITS},
        "cvae_acgan": {"generator": SMALL | {"latent": 14}, "data": DIGITS},
        "vae": {"generator": SMALL, "data": DIGITS},
        "icgan": {"generator": SMALL | {"latent": 14, "labels": "concat"}, "data": DIGITS},
        "cvae": {"generator": SMALL | {"latent": 14}, "data": DIGITS},
        "bigan": {"generator": LONGER, "critic": {"use": "zoo/joint", "width": 16}},
        "began": AUTOENCODER,
        "ebgan": AUTOENCODER,
        "lapgan": {"generator": "zoo/pyramid", "critic": "zoo/pyramid", "data": DIGITS},
        "infogan": {"generator": "zoo/coded", "critic": "basics/mlp", "data": DIGITS},
    },
)
