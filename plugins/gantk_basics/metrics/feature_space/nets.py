"""Nets whose features samples are compared on: a classifier of the data's own classes, or any net in an ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

from gantk.data import take
from gantk.errors import DoesNotFit, FileError, MissingExtra
from gantk.files import refuse_devices
from gantk.interfaces import Dataset, MetricInput
from gantk.spec import DataSpec
from gantk_basics.metrics.features import On
from gantk_basics.metrics.small_classifier import Pool, Standardised, small_classifier, train_classifier

FeaturesOf = Literal["samples", "features", "probe"]
EXTRA = "pip install 'gantk[onnx]'"
LEARNED_FROM, STEPS, BATCH = 4000, 300, 64  # of the probe: real samples, updates, samples in an update
CHUNK = 64  # images that go through a net of a file together

_probes: WeakKeyDictionary[Dataset, nn.Module] = WeakKeyDictionary()
"""Probes by the data set that they were trained on, so that a run trains one."""


def with_features(inputs: MetricInput, on: FeaturesOf, file: Path | None) -> tuple[MetricInput, On]:
    """The input of a metric whose critic is the net that is asked for, and where the metric is to look.

    Args:
        inputs: of the metric.
        on: the samples' own numbers, the features of the run's critic, or those of a probe.
        file: a net in ONNX, which is taken instead.

    Raises:
        DoesNotFit: the data have no classes for a probe, or the net does not take such samples.
        FileError: the file is no net that can be read.
    """
    if file is not None:
        return replace(inputs, nets={**inputs.nets, "critic": OnnxFeatures(file, inputs.train.spec)}), "features"
    if on == "probe":
        return replace(inputs, nets={**inputs.nets, "critic": probe_of(inputs.train)}), "features"
    return inputs, on


class ProbeFeatures(nn.Module):
    """What a small classifier makes of a sample before its last layer.

    Args:
        classifier: a trained one.
        spec: of the samples; each unit is an image of its own.
    """

    def __init__(self, classifier: Standardised, spec: DataSpec):
        super().__init__()
        assert isinstance(classifier.net, nn.Sequential)
        self.before = Standardised.__new__(Standardised)
        nn.Module.__init__(self.before)
        self.before.net, self.before.mean, self.before.scale = classifier.net[:-1], classifier.mean, classifier.scale
        self.spec = spec

    def features(self, samples: Tensor) -> Tensor:
        """(N, *spec.shape) to (N, *units, F)."""
        made = self.before(samples.reshape(-1, *self.spec.own_shape))
        return made.reshape(len(samples), *self.spec.units, -1)


def probe_of(train: Dataset) -> nn.Module:
    """A small classifier of the classes of these data, or of their units; the same for every run on them.

    Raises:
        DoesNotFit: there are neither.
    """
    if train in _probes:
        return _probes[train]
    spec = train.spec
    names = spec.names.get(spec.axes[0], ()) if spec.unit_axes == 1 else spec.classes
    if len(names) < 2:
        raise DoesNotFit("`on: probe` compares by a classifier of the data's classes, and these data have none")
    real = take(train, LEARNED_FROM // max(spec.unit_count, 1), torch.Generator().manual_seed(0))
    images, labels = real.samples, real.labels
    if spec.unit_axes:
        images, labels = images.flatten(0, 1), torch.arange(len(names)).repeat(len(real))
    assert labels is not None
    one = DataSpec(spec.own_shape, spec.axes[spec.unit_axes :], range=spec.range, classes=tuple(map(str, names)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Standardised(small_classifier(one), images)
    rng = torch.Generator().manual_seed(0)
    train_classifier(net, [Pool(images, labels).draw], steps=STEPS, batch=BATCH, rng=rng, device=torch.device("cpu"))
    _probes[train] = ProbeFeatures(net, spec)
    return _probes[train]


class OnnxFeatures(nn.Module):
    """Features by a net in an ONNX file: images (N, C, H, W) from 0 to 1 in, (N, F) or (N, F, …) out.

    Grey images are repeated where the net wants three channels, and resampled where it wants another size. The file
    is read by itself: weights that it says lie in other files are refused.

    Args:
        path: of the file.
        spec: of the samples; each unit is an image of its own.

    Raises:
        DoesNotFit: no images, or another number of channels.
        MissingExtra: onnxruntime is not installed.
        FileError: the file cannot be read, or is no net from images to features.
    """

    def __init__(self, path: Path, spec: DataSpec):
        super().__init__()
        if len(spec.own_shape) != 3:
            raise DoesNotFit(f"features of {path} are those of images (channel, y, x), not of samples of {spec.axes}")
        self.session = _session(path)
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        shape = list(inputs[0].shape) if len(inputs) == 1 else []
        if len(shape) != 4 or len(outputs) < 1 or inputs[0].type != "tensor(float)":
            taken = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise FileError(
                f"{path}: a net of features takes one input of images, float (N, C, H, W); this takes {taken}"
            )
        self.path, self.spec, self.name = path, spec, inputs[0].name
        self.channels = shape[1] if isinstance(shape[1], int) else spec.own_shape[0]
        self.size = tuple(shape[2:]) if all(isinstance(each, int) for each in shape[2:]) else None
        if self.channels != spec.own_shape[0] and (self.channels, spec.own_shape[0]) != (3, 1):
            raise DoesNotFit(f"{path} takes images of {self.channels} channels, and these have {spec.own_shape[0]}")
        self.register_parameter("place", nn.Parameter(torch.empty(0)))  # on the CPU, where the net runs

    def features(self, samples: Tensor) -> Tensor:
        """(N, *spec.shape) to (N, *units, F).

        Raises:
            FileError: the net fails, or gives something else than numbers for each image.
        """
        low, high = self.spec.range or (0.0, 1.0)
        images = ((samples.reshape(-1, *self.spec.own_shape).float().cpu() - low) / (high - low)).clamp(0, 1)
        made = [torch.from_numpy(self._run(part)) for part in images.split(CHUNK)]
        return torch.cat(made).reshape(len(samples), *self.spec.units, -1)

    def _run(self, images: Tensor) -> Any:
        if images.shape[1] != self.channels:
            images = images.expand(-1, self.channels, -1, -1)
        if self.size is not None and tuple(images.shape[2:]) != self.size:
            images = functional.interpolate(images, self.size, mode="bilinear", antialias=True)
        try:
            found = self.session.run(None, {self.name: images.contiguous().numpy()})[0]
        except Exception as error:  # onnxruntime raises classes of its own for each kind of failure
            raise FileError(f"{self.path}: the net fails on images {tuple(images.shape)}: {_line(error)}") from error
        if found.shape[:1] != (len(images),) or found.dtype.kind != "f":
            raise FileError(f"{self.path}: gives {found.shape} for {len(images)} images, not a row of numbers for each")
        return found.reshape(len(images), -1).astype("float32")


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra(f"features of a net in ONNX need the library onnxruntime: {EXTRA}") from error
    try:
        refuse_devices(path, FileError)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4
        make: Callable[..., Any] = onnxruntime.InferenceSession
        return make(path.read_bytes(), options, providers=["CPUExecutionProvider"])  # bytes: no other file is opened
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except FileError:
        raise
    except Exception as error:  # as above
        raise FileError(f"{path}: is no net in ONNX that can be read: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
