"""How well samples of a class that training never saw are told from the others: AUROC of anomaly scores."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Gt, Le
from gantk_basics.nets.encoders import MlpEncoder
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from gantk.data import take, variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Value, declares, has_member, member
from gantk.sampling import evaluating
from gantk.spec import DataSpec
from gantk_zoo.encoders.anogan import encoded_score, refuse_unfit, search, train_encoder

REDRAWS = 200


class Anomaly(Metric):
    """AUROC of anomaly scores for a class that was left out of training (`data.leave_out`), beside plain rivals.

    A class is an anomaly if the test split has it and the training split has not. Of a sample of that class and one
    of the others, the AUROC is the chance that the first one's score is higher: 0.5 by guessing, 1 at best.

    `anogan`: by searching a latent (Schlegl et al. 2017, equation 6). `f_anogan`: by an encoder that is trained here on
    the frozen generator (Schlegl et al. 2019, equation 4). `nearest`: distance to the nearest training sample. `pca`:
    distance from the plane of the training samples' principal components. `encoder`: where the generator has an
    encoder of its own (a VAE, BiGAN), the distance between a sample and what is decoded from its latent. Intervals are
    drawn from the test samples (bootstrap).

    Args:
        steps: of the search.
        lr: of the search (Adam).
        encoder_lr: of the encoder (Adam).
        encoder_steps: updates of the encoder of f-AnoGAN; 0 leaves it out.
        hidden: numbers of each of the encoder's two hidden layers.
        batch: training samples an update.
        components: of PCA; at most as many as there are samples or numbers.
        weight: κ, of the features beside the samples in f-AnoGAN.
        share: λ, of the features beside the samples in AnoGAN.
    """

    samples = 0

    def __init__(
        self,
        *,
        steps: Annotated[int, Ge(1)] = 500,
        lr: Annotated[float, Gt(0)] = 0.05,
        encoder_lr: Annotated[float, Gt(0)] = 1e-3,
        encoder_steps: Annotated[int, Ge(0)] = 3000,
        hidden: Annotated[int, Ge(1)] = 256,
        batch: Annotated[int, Ge(1)] = 64,
        components: Annotated[int, Ge(1)] = 16,
        weight: Annotated[float, Ge(0)] = 1.0,
        share: Annotated[float, Ge(0), Le(1)] = 0.1,
    ):
        self.steps = steps
        self.lr = lr
        self.encoder_lr = encoder_lr
        self.encoder_steps = encoder_steps
        self.hidden = hidden
        self.batch = batch
        self.components = components
        self.weight = weight
        self.share = share

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """The AUROC of each score.

        Raises:
            DoesNotFit: no class is left out, or nets that an anomaly score cannot be computed with.
        """
        generator, critic = inputs.nets.get("generator"), inputs.nets.get("critic")
        refuse_unfit(generator, critic)
        assert generator is not None and critic is not None
        if inputs.test.spec.unit_axes or declares(generator, "labels") or declares(generator, "condition"):
            raise DoesNotFit(
                "zoo/anomaly scores whole samples by a generator that is given a latent alone, neither labels nor a "
                "condition"
            )
        train, test = take(inputs.train, len(inputs.train)), take(inputs.test, len(inputs.test))
        left_out = anomalies(train.labels, test.labels, inputs.test.spec)
        device = next(generator.parameters()).device
        known, real = train.samples.to(device), test.samples.to(device)
        seed = int(torch.randint(2**31, (), generator=inputs.rng))
        score = search(generator, critic, real, steps=self.steps, lr=self.lr, seed=seed, share=self.share)
        scores = {"anogan": score}
        if self.encoder_steps:
            encoder = self._encoder(inputs.test.spec, member(generator, "latent_shape")[0], seed).to(device)
            train_encoder(
                encoder,
                generator,
                critic,
                known,
                steps=self.encoder_steps,
                batch=self.batch,
                lr=self.encoder_lr,
                seed=seed,
                weight=self.weight,
            )
            scores["f_anogan"] = encoded_score(encoder, generator, critic, real, self.weight)
        scores |= {"nearest": nearest(inputs.train, known, real), "pca": off_plane(known, real, self.components)}
        if has_member(generator, "encode"):
            scores["encoder"] = brought_back(generator, real)
        rng = np.random.default_rng(seed)
        return {name: auroc(score.cpu(), left_out, rng) for name, score in scores.items()}

    def _encoder(self, spec: DataSpec, outputs: int, seed: int) -> nn.Module:
        """An encoder as it starts."""
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            return MlpEncoder(spec, outputs=outputs, hidden=(self.hidden, self.hidden))


def anomalies(known: Tensor | None, labels: Tensor | None, spec: DataSpec) -> Tensor:
    """Which test samples are of a class that training has not, (N,).

    Raises:
        DoesNotFit: none is, or all are.
    """
    if known is None or labels is None:
        raise DoesNotFit("zoo/anomaly needs data with classes, one of which is left out of training")
    found = ~torch.isin(labels, known.unique())
    if not found.any() or found.all():
        example = spec.classes[0] if spec.classes else "0"
        raise DoesNotFit(
            "zoo/anomaly looks for a class that only the test split has, and here is none: leave one out, as "
            f'basics/digits and basics/mnist do by data.leave_out=["{example}"]'
        )
    return found


def auroc(scores: Tensor, left_out: Tensor, rng: np.random.Generator) -> Value:
    """The AUROC with its 95 % interval.

    Args:
        scores: high for anomalies, (N,).
        left_out: which are anomalies, (N,).
        rng: draws anomalies and others anew, each among themselves.
    """
    strange, usual = scores[left_out].numpy(), scores[~left_out].numpy()
    truth = np.r_[np.ones(len(strange)), np.zeros(len(usual))]
    found = roc_auc_score(truth, np.r_[strange, usual])
    again = [
        roc_auc_score(truth, np.r_[rng.choice(strange, len(strange)), rng.choice(usual, len(usual))])
        for _ in range(REDRAWS)
    ]
    low, high = np.quantile(again, [0.025, 0.975])
    return Value(float(found), "higher", 0.5, "by guessing", n_reference=len(strange), low=float(low), high=float(high))


def nearest(train: Dataset, known: Tensor, real: Tensor) -> Tensor:
    """Distance of each sample to the nearest training sample in any version that training shows, (N,)."""
    versions = [torch.cdist(each.flatten(1), known.flatten(1)).min(1).values for each in variants(train, real)]
    return torch.stack(versions).min(0).values


def off_plane(known: Tensor, real: Tensor, components: int) -> Tensor:
    """Distance of each sample from the plane of the first principal components of the training samples, (N,)."""
    flat, wanted = known.flatten(1).cpu().double().numpy(), real.flatten(1).cpu().double().numpy()
    pca = PCA(min(components, *flat.shape), svd_solver="full").fit(flat)
    return torch.from_numpy(np.linalg.norm(wanted - pca.inverse_transform(pca.transform(wanted)), axis=1))


def brought_back(generator: nn.Module, real: Tensor) -> Tensor:
    """‖x - G(E(x))‖ by the generator's own encoder, (N,)."""
    with evaluating(generator):
        back = generator(generator.encode(real))  # type: ignore[operator]
    return (real - back).flatten(1).norm(dim=1)
