"""What the plugin `basics` declares. Importing this imports nothing heavy."""

from collections.abc import Iterator

from gantk.plugin import Component, Exporter, hookimpl


@hookimpl
def gantk_components() -> Iterator[Component]:
    """The components of `basics`; each is imported on first use."""
    here = "gantk_basics"
    yield Component("loss", "gan", f"{here}.losses.gan:Gan", "cross-entropy (Goodfellow 2014), perhaps R1")
    yield Component("loss", "lsgan", f"{here}.losses.gan:LeastSquares", "least squares (Mao 2017)")
    yield Component("loss", "hinge", f"{here}.losses.gan:Hinge", "hinge (Lim & Ye 2017)")
    yield Component("loss", "wgan", f"{here}.losses.wasserstein:Wgan", "Wasserstein, clipped (Arjovsky 2017)")
    yield Component("loss", "wgan_gp", f"{here}.losses.wasserstein:WganGp", "Wasserstein, penalty (Gulrajani 2017)")
    yield Component("loss", "wgan_div", f"{here}.losses.wasserstein:WganDiv", "Wasserstein divergence (Wu 2018)")
    yield Component("loss", "dragan", f"{here}.losses.dragan:Dragan", "slope 1 around real samples (Kodali 2017)")
    yield Component(
        "loss",
        "feature_matching",
        f"{here}.losses.feature_matching:FeatureMatching",
        "critic's mean features (Salimans 2016)",
    )
    yield Component(
        "loss", "relativistic", f"{here}.losses.relativistic:Relativistic", "real beside fake, R1, R2 (Huang 2024)"
    )
    yield Component(
        "loss", "instance_noise", f"{here}.losses.instance_noise:InstanceNoise", "noise on all that a critic sees"
    )
    yield Component(
        "loss",
        "minibatch_discrimination",
        f"{here}.losses.minibatch_discrimination:MinibatchDiscrimination",
        "critic sees the whole batch (Salimans 2016)",
    )

    yield Component("loss", "augmented", f"{here}.losses.augmented:Augmented", "for few images (Zhao, Karras 2020)")
    yield Component("loss", "pix2pix", f"{here}.losses.pix2pix:Pix2Pix", "conditional GAN and L1 (Isola 2017)")
    yield Component("loss", "cyclegan", f"{here}.losses.cyclegan:CycleGan", "there and back unpaired (Zhu 2017)")

    yield Component("optimizer", "adam", f"{here}.optimizers:adam", "Adam (Kingma & Ba 2015)")
    yield Component("optimizer", "adamw", f"{here}.optimizers:adamw", "Adam, decoupled decay (Loshchilov 2019)")
    yield Component("optimizer", "rmsprop", f"{here}.optimizers:rmsprop", "RMSprop (Hinton 2012)")
    yield Component("optimizer", "sgd", f"{here}.optimizers:sgd", "gradient descent, perhaps with momentum")

    yield Component("generator", "mlp", f"{here}.nets.mlp:MlpGenerator", "dense layers, samples of any shape")
    yield Component("critic", "mlp", f"{here}.nets.mlp:MlpCritic", "dense layers, one tower per unit")
    yield Component("generator", "dcgan", f"{here}.nets.dcgan:DcganGenerator", "images of any size (Radford 2016)")
    yield Component("critic", "dcgan", f"{here}.nets.dcgan:DcganCritic", "images of any size (Radford 2016)")
    yield Component("generator", "residual", f"{here}.nets.residual:ResidualGenerator", "SN-GAN's or R3GAN's blocks")
    yield Component("critic", "residual", f"{here}.nets.residual:ResidualCritic", "SN-GAN's or R3GAN's blocks")
    yield Component("critic", "autoencoder", f"{here}.nets.autoencoder:Autoencoder", "a reconstruction error")
    yield Component("generator", "uniform", f"{here}.nets.autoencoder:UniformGenerator", "decoder of uniform latents")
    yield Component("critic", "packed", f"{here}.nets.packed:Packed", "sees several samples at once (Lin 2018)")
    yield Component("generator", "course", f"{here}.nets.course:CourseGenerator", "images, as the UTSW course has it")
    yield Component("critic", "course", f"{here}.nets.course:CourseCritic", "images, as the UTSW course has it")
    yield Component("generator", "unet", f"{here}.nets.unet:UnetGenerator", "picture to picture (Isola 2017)")
    yield Component("generator", "resnet", f"{here}.nets.resnet:ResnetGenerator", "picture to picture (Zhu 2017)")
    yield Component("critic", "patch", f"{here}.nets.patch:PatchCritic", "overlapping patches (Isola 2017)")
    yield Component("net", "mlp", f"{here}.nets.encoders:MlpEncoder", "encoder: samples of any shape to a vector")
    yield Component("net", "dcgan", f"{here}.nets.encoders:DcganEncoder", "encoder: images of any size to a vector")

    yield Component("dataset", "ring", f"{here}.data.ring:Ring", "Gaussians on a circle (Metz 2017)")
    yield Component("dataset", "mixture", f"{here}.data.mixture:Mixture", "Gaussians whose density is known")
    yield Component("dataset", "digits", f"{here}.data.digits:Digits", "1,797 real 8 x 8 digits, embedded")
    yield Component(
        "dataset",
        "images",
        f"{here}.data.images:ImageFolder",
        "any folder of images, in classes or not",
        inspector=f"{here}.inspection.inspector:FolderInspector",
    )
    yield Component("dataset", "mnist", f"{here}.data.mnist:Mnist", "MNIST, or its like, from IDX files")
    yield Component(
        "dataset",
        "stacked_mnist",
        f"{here}.data.stacked_mnist:StackedMnist",
        "three digits as channels (Metz 2017)",
    )

    yield Component(
        "metric", "ring_modes", f"{here}.metrics.ring_modes:RingModes", "modes covered, points within 3 sigma"
    )
    yield Component(
        "metric", "mixture_density", f"{here}.metrics.mixture_density:MixtureDensity", "KL beside the known density"
    )
    yield Component(
        "metric",
        "stacked_modes",
        f"{here}.metrics.stacked_modes:StackedModes",
        "modes of Stacked MNIST, KL to uniform",
    )
    yield Component(
        "metric", "equilibrium", f"{here}.metrics.equilibrium:Equilibrium", "are both losses flat, is the critic right?"
    )
    yield Component(
        "metric",
        "sliced_wasserstein",
        f"{here}.metrics.distribution_distances:SlicedWasserstein",
        "distance of distributions",
    )
    yield Component(
        "metric",
        "frechet",
        f"{here}.metrics.distribution_distances:Frechet",
        "Fréchet distance, of samples or features",
    )
    yield Component(
        "metric", "kid", f"{here}.metrics.feature_space.kernel_distance:Kid", "kernel distance, of samples or features"
    )
    yield Component(
        "metric",
        "precision_recall",
        f"{here}.metrics.neighbours:PrecisionRecall",
        "precision, recall, density, coverage",
    )
    yield Component(
        "metric", "diversity", f"{here}.metrics.neighbours:Diversity", "distances among samples, and the data's"
    )
    yield Component(
        "metric", "memorisation", f"{here}.metrics.neighbours:Memorisation", "are training samples repeated?"
    )

    yield Component(
        "metric", "critic_test", f"{here}.metrics.critic_test:CriticTest", "a fresh critic's view (Osokin 2017)"
    )
    yield Component("metric", "c2st", f"{here}.metrics.c2st:C2st", "what a classifier tells (Lopez-Paz 2017)")
    yield Component(
        "metric",
        "augmentation",
        f"{here}.metrics.augmentation:Augmentation",
        "do generated samples help a classifier?",
    )

    yield Component(
        "metric",
        "class_agreement",
        f"{here}.metrics.class_agreement:ClassAgreement",
        "right class, and as varied as real ones",
    )

    yield Component("view", "points", f"{here}.views.points:Points", "points in a plane or on a line")
    yield Component("view", "images", f"{here}.views.images:Images", "a grid of images or their channels")
    yield Component("view", "class_rows", f"{here}.views.class_rows:ClassRows", "a row of images for each class")

    yield Component(
        "callback", "tensorboard", f"{here}.callbacks.tensorboard:TensorBoard", "event files for TensorBoard"
    )
    yield Component("callback", "mlflow", f"{here}.callbacks.mlflow:MlFlow", "numbers and pictures for MLflow")
    yield Component("callback", "wandb", f"{here}.callbacks.wandb:WeightsAndBiases", "an offline run for W&B")

    yield Component("format", "table", f"{here}.files.table:NumberTable", "vectors and strings of numbers (.csv, .tsv)")
    yield Component("format", "hdf5", f"{here}.files.hdf5:Hdf5", "HDF5 with named axes (.h5, .hdf5)")

    yield Component(
        "command",
        "reconstruct",
        f"{here}.commands.reconstruct:reconstruct",
        "latents that reproduce held-out samples",
    )


@hookimpl
def gantk_exporters() -> Iterator[Exporter]:
    """What `gantk export` writes."""
    here = "gantk_basics.exporters"
    yield Exporter(".onnx", f"{here}.onnx:export_onnx", "ONNX in one file, checked by onnxruntime")
    yield Exporter(".pt2", f"{here}.pt2:export_pt2", "a program of torch.export")
    yield Exporter(
        ".bioimageio.zip", f"{here}.bioimageio:export_bioimageio", "of translators, for bioimage.io's programs", True
    )
    yield Exporter("/", f"{here}.safetensors:export_folder", "safetensors, configuration and card, as on the HF hub")


@hookimpl
def gantk_bibliographies() -> Iterator[str]:
    """The papers that docstrings name, in papers.bib."""
    yield "gantk_basics"
