"""Keys of recipes by the names that they have elsewhere: in BioGANs' scripts, in other programs, by habit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RATES = ("play.generator_optimizer.lr", "play.critic_optimizer.lr")
BETAS = ("play.generator_optimizer.betas", "play.critic_optimizer.betas")
OPTIMIZERS = ("play.generator_optimizer.use", "play.critic_optimizer.use")
WIDTHS = ("generator.width", "critic.width")
NAMES: dict[tuple[str, ...], str] = {
    ("about",): "description name title",
    ("seed",): "random_seed manual_seed rng_seed",
    ("data.use",): "dataset dataset_name dataset_type",
    ("data.root", "data.path"): "dataroot data_root data_dir data_path datadir image_dir train_data",
    ("generator.latent",): "nz z_dim latent_dim latent_size noise_dim noise_size",
    ("generator.red_portion",): "red_portion",
    WIDTHS: "nf filters hidden_size",
    ("generator.width",): "ngf gen_filters",
    ("critic.width",): "ndf disc_filters",
    ("loss.use",): "GAN_algorithm algorithm gan_mode gan_type criterion",
    ("loss.penalty",): "wgangp_lambda lambda_gp gp_weight gp_lambda gradient_penalty lambda",
    ("loss.clip",): "wgan_clamp_lower wgan_clamp_upper clip_value weight_clip clamp",
    ("play.critic_steps",): "num_disc_iters n_critic ncritic critic_iters disc_iters d_steps Diters",
    ("play.generator_steps",): "num_gen_iters gen_iters g_steps",
    OPTIMIZERS: "optimizer optim optimiser",
    RATES: "lr learning_rate lrate rate",
    RATES[:1]: "lrG lr_g g_lr lr_gen generator_lr",
    RATES[1:]: "lrD lr_d d_lr lr_disc critic_lr",
    BETAS: "betas beta1 beta2 b1 b2 adam_betas",
    (
        "train.steps",
    ): "n step num_iter num_iters niter n_iter iter iters iterations num_steps n_steps max_steps total_steps",
    ("train.epochs",): "epoch num_epochs n_epochs nepochs max_epochs",
    ("train.batch",): "b bs batch_size batchsize minibatch minibatch_size",
    ("train.ema",): "ema_decay ema_beta moving_average",
    ("train.precision",): "amp fp16 bf16 half mixed_precision",
    ("train.sample_every",): "image_iter sample_interval sample_freq image_every",
    ("train.checkpoint_every",): "save_iter save_every save_interval save_freq checkpoint_interval ckpt_every",
    ("train.start_from",): "netG netD pretrained weights init_from",
    ("machine.device",): "cuda gpu use_cuda",
    ("machine.devices",): "ngpu ngpus gpus num_gpus world_size nproc",
    ("machine.threads",): "num_workers workers num_threads jobs j",
}
"""Keys of recipes to the words that mean them, as other programs write these."""

KEYS = {word.lower().replace("_", ""): keys for keys, words in NAMES.items() for word in words.split()}
MOST = 4
"""Keys that a hint names at most."""


def keys_for(word: str, known: Iterable[str] = ()) -> Sequence[str]:
    """The dotted keys that somebody probably means by a word; none where nobody can tell.

    Args:
        word: as it was typed: "batch_size", "--batch-size", "lr", "steps".
        known: every dotted key of the recipe; none: where it cannot be read.
    """
    every, wanted = list(known), without_dashes(word)
    if word in every:
        return [word]
    found = [key for key in KEYS.get(wanted, ()) if not every or key in every]
    if not found:
        ends = every or [key for keys in NAMES for key in keys]
        found = [key for key in dict.fromkeys(ends) if without_dashes(key.rpartition(".")[2]) == wanted]
    return found if len(found) <= MOST else []


def as_overrides(keys: Iterable[str], value: str) -> list[str]:
    """What to type to give all these keys one value; epochs count where there are no steps."""
    written = [f"{key}={value}" for key in keys]
    return ["train.steps=null", *written] if written[:1] == [f"train.epochs={value}"] else written


def without_dashes(word: str) -> str:
    """A word as the table is searched for it: "--Batch-size" and "batch_size" are one."""
    return word.lower().replace("-", "").replace("_", "")
