"""Metric `code_information`: what the categorical code of a generator says of the classes of the data."""

from typing import Annotated, Any

from annotated_types import Ge
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_mutual_info_score

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value, draw_latent, member
from gantk.sampling import render


class CodeInformation(Metric):
    """How much the categorical code says of the class that a classifier of real samples sees in the generated ones.

    Adjusted mutual information (Vinh et al. 2010): 0 by chance, 1 where each code is one class. The classifier is a
    logistic regression on the values of training samples; the reference is what its own answers on test samples
    say of the true classes. Nothing tells the generator of classes.

    Args:
        drawn: how many samples are drawn, and how many test samples are looked at.
        learned: how many training samples the classifier learns from, at most.
    """

    samples = 0  # it draws its own, as it must know their codes

    def __init__(self, *, drawn: Annotated[int, Ge(1)] = 500, learned: Annotated[int, Ge(10)] = 2000):
        self.drawn = drawn
        self.learned = learned

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`information`.

        Raises:
            DoesNotFit: a generator without codes, or data without classes.
        """
        generator, known = inputs.nets["generator"], take(inputs.train, self.learned, inputs.rng)
        parts: Any = member(generator, "latent_parts")
        if "category" not in parts or known.labels is None:
            raise DoesNotFit("zoo/code_information needs data with labels, and a generator such as zoo/coded")
        latent = draw_latent(generator, self.drawn, inputs.rng)
        assert latent is not None
        at = next(generator.parameters()).device
        drawn = render(generator, inputs.train.spec, latent, self.drawn, device=at)
        classifier = LogisticRegression(max_iter=200).fit(known.samples.flatten(1).numpy(), known.labels.numpy())
        seen = classifier.predict(drawn.samples.flatten(1).numpy())
        real = take(inputs.test, self.drawn, inputs.rng)
        assert real.labels is not None
        best = adjusted_mutual_info_score(real.labels.numpy(), classifier.predict(real.samples.flatten(1).numpy()))
        codes = latent[:, parts["category"]].argmax(1).numpy()
        found = adjusted_mutual_info_score(codes, seen)
        return {"information": Value(float(found), "higher", float(best), "real labels")}
