"""How what has a shape line is called: with tensors of which sizes, and with what beside them."""

import tempfile
from pathlib import Path

import torch

from course_utils import (
    attention,
    attention_unet,
    averaging,
    blocks,
    classifier,
    covariance,
    cross_attention,
    data,
    ddpm_unet,
    denoisers,
    diffusion,
    dit,
    embedding,
    fields,
    files,
    grown_unet,
    ideal,
    published,
    quality,
    res_unet,
    samplers,
    sigma_unet,
    straight,
    training,
    unet,
    wiener,
)
from course_utils.decoder import Decoder
from course_utils.encoder import Encoder
from course_utils.schedule import Schedule, cosine_schedule, linear_schedule, log_linear_schedule

# All different, also halved and doubled, so that no size can stand in for another.
B, C, D, E, H, K, M, N, T, W, n = 5, 3, 28, 13, 16, 7, 10, 9, 11, 24, 2
SIZES = dict(B=B, C=C, D=D, E=E, H=H, K=K, M=M, N=N, T=T, W=W, n=n, heads=C)
PIXELS = C * H * H  # n, where a picture is a row
CHS = [13, 17, K]  # of an encoder with n halvings
CONFIG = training.TrainConfig(steps=1, batch=B)
LABELS = 10


def ddpm_net():
    return ddpm_unet.DDPMUNet(T, 32, (1, 2), (), 1, 0.0, C, C)


def sigma_net(labels=True):
    embed = embedding.LabelEmbedding(32, LABELS) if labels else None
    return sigma_unet.SigmaUNet(H, C, C, 32, (1, 2), 1, 1, (), 0.0, None, embed)


def conv_block(in_ch, out_ch, level):
    return blocks.ConvBlock(in_ch, out_ch, D)


def cross():
    return cross_attention.CrossAttention(C, E, heads=C)


def with_gradients(state):
    for p in state.model.parameters():
        p.grad = torch.ones_like(p)
    return state


def write_somewhere():
    with tempfile.TemporaryDirectory() as folder:
        return files.write_whole(lambda file: file.write(b"whole"), Path(folder) / "a.pt")


def saved(*parts):
    with tempfile.TemporaryDirectory() as folder:
        return wiener.save_wiener_filter(*parts, folder)


def loaded(_):
    with tempfile.TemporaryDirectory() as folder:
        wiener.save_wiener_filter(*a_filter(), folder)
        return wiener.load_wiener_filter(folder)


def a_filter():
    return torch.eye(PIXELS), torch.ones(PIXELS), torch.eye(PIXELS), torch.zeros(PIXELS)


def knows():
    return denoisers.MeanDenoiser(torch.zeros(C, H, W))


def all_skips():
    encoder = res_unet.ResEncoder(C, CHS, 1, conv_block, blocks.downsample)
    return encoder(torch.randn(B, C, H, W), torch.randn(B, D))


# What the words on the left of an arrow stand for.
GIVEN = {
    "UNet": lambda: unet.UNet(C, 4, (1, 2), 8),
    "Schedule": lambda: linear_schedule(T),
    "int": lambda: T - 1,
    "optimizer": lambda: torch.optim.SGD([torch.ones(1, requires_grad=True)]),
    "loss": lambda: diffusion.noise_loss,
    "sampler": lambda: samplers.ddpm(lambda xt, t: xt, torch.randn(B, C, H, W), linear_schedule(T)),
    "n skips": lambda: [torch.randn(B, CHS[i], H >> i, W >> i) for i in range(n)],
    "skips": lambda: all_skips(),
    "SigmaUNet": lambda: sigma_net(labels=False),
    "DDPMUNet": ddpm_net,
    "DiT": lambda: dit.DiT(H, C, dim=8, depth=1, heads=2),
    "field": lambda: lambda xt, t: t * xt,
    "SigmaSchedule": lambda: log_linear_schedule(T),
    "state_dict": dict,
    "batches": lambda: [torch.randn(B, C, H, H)],
    "class": lambda: sigma_unet.SigmaUNet,
    "denoiser": lambda: knows(),
    "folder": lambda: None,
    "TrainState": lambda: training.start(GIVEN["UNet"](), CONFIG),
    "TrainConfig": lambda: CONFIG,
    "batch": lambda: diffusion.draw_batch(torch.randn(N, C, H, W), T, B, torch.Generator()),
    "Classifier": lambda: classifier.Classifier(C, H).eval().requires_grad_(False),
}
# How to call what needs more, or other, than the inputs of its shape line, in their order. A () on
# the left of the arrow stands for no input.
CALLS = {
    "embedding.frequencies": lambda: embedding.frequencies(D),
    "embedding.sinusoidal_embedding": lambda t: embedding.sinusoidal_embedding(t, D),
    "embedding.TimeEmbedding": lambda t: embedding.TimeEmbedding(D)(t),
    "embedding.timestep_table": lambda: embedding.timestep_table(T, D),
    "embedding.TableEmbedding": lambda t: embedding.TableEmbedding(T, 6, D)(t),
    "embedding.SigmaEmbedding": lambda sigma: embedding.SigmaEmbedding(D)(sigma + 1.0),
    "embedding.LabelEmbedding": lambda y: embedding.LabelEmbedding(D, T)(y),
    "blocks.group_norm": lambda: blocks.group_norm(32),
    "blocks.ResBlock": lambda x, temb: blocks.ResBlock(32, 64, D)(x, temb),
    "blocks.FiLMBlock": lambda x, temb: blocks.FiLMBlock(C, K, D, groups=1)(x, temb),
    "blocks.StridedDownsample": lambda x: blocks.StridedDownsample(C)(x),
    "blocks.PaddedDownsample": lambda x: blocks.PaddedDownsample(C)(x),
    "blocks.NearestUpsample": lambda x: blocks.NearestUpsample(C)(x),
    "attention.to_map": lambda tokens: attention.to_map(tokens, H),
    "attention.SingleHeadAttention": lambda x: attention.SingleHeadAttention(C)(x),
    "attention.SingleHeadAttention.weights": lambda x: attention.SingleHeadAttention(C).weights(x),
    "attention.TokenAttention": lambda x: attention.TokenAttention(C, 3)(x),
    "attention.MultiHeadAttention": lambda x: attention.MultiHeadAttention(C, 3)(x),
    "attention.TorchAttention": lambda x: attention.TorchAttention(C, 3)(x),
    "attention.LinearAttention": lambda x: attention.LinearAttention(C, 3)(x),
    "attention.AttentionBlock": lambda x: attention.AttentionBlock(
        C, attention.SingleHeadAttention, groups=1
    )(x),
    "attention.Attended": lambda x, temb: attention.Attended(
        blocks.ConvBlock(C, K, D), attention.SingleHeadAttention(K)
    )(x, temb),
    "cross_attention.CrossAttention": lambda *maps_and_context: cross()(*maps_and_context),
    "cross_attention.CrossAttention.weights": lambda *given: cross().weights(*given),
    "cross_attention.CrossAttention.split": lambda tokens: cross().split(tokens),
    "attention_unet.GatedAttention": lambda x: attention_unet.GatedAttention(C, 3)(x),
    "attention_unet.with_attention": lambda net: attention_unet.with_attention(net, in_ch=C),
    "attention_unet.blocks_at": lambda net, x: attention_unet.blocks_at(net, H // 2, x),
    "attention_unet.attention_shares": lambda net, *given: attention_unet.attention_shares(
        attention_unet.with_attention(net, in_ch=C), *given
    ),
    "published.load_published": lambda net, _: published.load_published(net, net.state_dict(), str),
    "res_unet.ResEncoder": lambda x, temb: res_unet.ResEncoder(
        C, CHS, 1, conv_block, blocks.downsample
    )(x, temb),
    "res_unet.ResDecoder": lambda x, skips, temb: res_unet.ResDecoder(C, CHS, 1, conv_block)(
        x, skips, temb
    ),
    "ddpm_unet.DDPMUNet": lambda x, t: ddpm_net()(x, t),
    "ddpm_unet.DDPMUNet.load_published": lambda _: ddpm_net().load_published(
        {ddpm_net().published_name(name): p for name, p in ddpm_net().state_dict().items()}
    ),
    "ddpm_unet.FlattenLinear": lambda x, temb: ddpm_unet.FlattenLinear(C, H, W, D)(x, temb),
    "sigma_unet.SigmaAttention": lambda x: sigma_unet.SigmaAttention(32)(x),
    "sigma_unet.SigmaUNet": lambda x, s: sigma_net(labels=False)(x, s + 1),
    "sigma_unet.SigmaUNet.load_published": lambda _: sigma_net().load_published(
        {sigma_unet.published_name(name): p for name, p in sigma_net().state_dict().items()}
    ),
    "sigma_unet.embed": lambda _, s, y: sigma_unet.embed(sigma_net(), s + 1.0, y % LABELS),
    "sigma_unet.per_picture": lambda s, x: sigma_unet.per_picture(s + 1, x),
    "dit.positions_2d": lambda: dit.positions_2d(3, D),
    "dit.DiTBlock": lambda x, temb: dit.DiTBlock(D, 2)(x, temb),
    "dit.DiT": lambda x, s: GIVEN["DiT"]()(x, s + 1),
    "schedule.SigmaSchedule.sigma_at": lambda t: log_linear_schedule(T).sigma_at(t),
    "schedule.SigmaSchedule.sample_sigmas": lambda: log_linear_schedule(T).sample_sigmas(N - 1),
    "diffusion.sigma_loss": lambda net, x0, *args: diffusion.sigma_loss(
        lambda xt, sigma, cond: xt, x0, *args
    ),
    "diffusion.Guided": lambda xt, s: diffusion.Guided(
        sigma_net(), torch.zeros(B, dtype=torch.long), 2.0
    )(xt, s + 1),
    "samplers.samples": lambda _, xT, sigmas: samplers.samples(
        lambda xt, sigma: xt, xT, sigmas.sort(descending=True).values + 1.0
    ),
    "blocks.ConvBlock": lambda x, temb: blocks.ConvBlock(C, K, D)(x, temb),
    "blocks.downsample": lambda x: blocks.downsample(C)(x),
    "blocks.upsample": lambda x: blocks.upsample(C, K)(x),
    "encoder.Encoder": lambda x, temb: Encoder(C, CHS, D)(x, temb),
    "decoder.Decoder": lambda x, skips, temb: Decoder(CHS, C, D)(x, skips, temb),
    "unet.UNet": lambda x, t: GIVEN["UNet"]()(x, t),
    "grown_unet.GrownUNet": lambda x, t, y: grown_unet.GrownUNet(C, 8, (1, 2), D, T)(x, t, y),
    "unet.check_picture": lambda x: unet.check_picture(x, C, n),
    "schedule.Schedule": lambda betas: Schedule(betas / T),
    "schedule.Schedule.alpha_bar_at": lambda t: GIVEN["Schedule"]().alpha_bar_at(t),
    "schedule.Schedule.for_training": lambda: linear_schedule(T).for_training("cpu"),
    "schedule.SigmaSchedule.for_training": lambda: log_linear_schedule(T).for_training("cpu"),
    "schedule.linear_schedule": lambda: linear_schedule(T),
    "schedule.cosine_schedule": lambda: cosine_schedule(T),
    "diffusion.add_noise": lambda x0, eps, a: diffusion.add_noise(x0, eps, a / T),
    "diffusion.predict_x0": lambda xt, eps, a: diffusion.predict_x0(xt, eps, a / T),
    "diffusion.velocity": lambda x0, eps, a: diffusion.velocity(x0, eps, a / T),
    "diffusion.noise_from_velocity": lambda xt, v, a: diffusion.noise_from_velocity(xt, v, a / T),
    "diffusion.NoiseFromVelocity": lambda xt, t: diffusion.NoiseFromVelocity(
        GIVEN["UNet"](), GIVEN["Schedule"]()
    )(xt, t),
    "samplers.ddim": lambda model, xT, schedule: samplers.ddim(model, xT, schedule, 2),
    "straight.reflow_pairs": lambda field, noise: straight.reflow_pairs(lambda: field, noise),
    "straight.Field": lambda xt: straight.Field(GIVEN["UNet"](), T=T)(xt, 0.5),
    "fields.direction_from_velocity": lambda xt, v: fields.direction_from_velocity(xt, v, 0.5),
    "fields.FieldFromVelocity": lambda xt: fields.FieldFromVelocity(
        GIVEN["UNet"](), linear_schedule(T)
    )(xt, 0.5),
    "data.load": lambda: data.load("digits", "train"),
    "data.digits": lambda: data.digits("test"),
    "data.downloaded": lambda: data.downloaded("cifar10", "train", "nowhere"),
    "training.train": lambda *args: training.train(*args, CONFIG),
    "diffusion.draw_batch": lambda images: diffusion.draw_batch(images, T, B, torch.Generator()),
    "diffusion.SigmaFromStep": lambda xt, t: diffusion.SigmaFromStep(
        lambda x, sigma: x / sigma[:, None, None, None], linear_schedule(T)
    )(xt, t),
    "files.write_whole": lambda: write_somewhere(),
    "training.add_gradient": lambda state, batch, schedule: training.add_gradient(
        state, batch, schedule, diffusion.velocity_loss, CONFIG
    ),
    "training.ensure_batch_fits": lambda state, images, schedule: training.ensure_batch_fits(
        state, images, schedule, diffusion.velocity_loss, CONFIG
    ),
    "training.take_step": lambda state, config: training.take_step(with_gradients(state), config),
    "training.learning_rate": lambda: training.learning_rate(0, CONFIG),
    "averaging.update_average": lambda *nets: averaging.update_average(*nets, 0.9),
    "averaging.refresh_norms": lambda *args: averaging.refresh_norms(*args, batches=1),
    "wiener.compute_wiener_filter": lambda loader: wiener.compute_wiener_filter(
        loader, "cpu", H, C
    ),
    "covariance.covariance_in_one_pass": lambda loader: covariance.covariance_in_one_pass(
        loader, "cpu", H, C
    ),
    "covariance.mean_of": lambda total: covariance.mean_of(total, 2),
    "covariance.vectors": lambda loader: covariance.vectors(loader, (C, H, H), "cpu"),
    "covariance.empty_covariance": lambda: covariance.empty_covariance(
        (C, H, H), "cpu", torch.float32
    ),
    "wiener.shrink": lambda LA, a: wiener.shrink(LA + 1.0, a / T),
    "wiener.WienerDenoiser.predict_x0": lambda xt, a: wiener.WienerDenoiser(*a_filter()).predict_x0(
        xt, a / T
    ),
    "wiener.draw_gaussian": lambda U, LA, mean: wiener.draw_gaussian(
        N, U, LA + 0.0, mean, torch.Generator()
    ),
    "wiener.save_wiener_filter": saved,
    "wiener.load_wiener_filter": loaded,
    "ideal.ideal_x0": lambda xt, a, images: ideal.ideal_x0(xt, (a + 1) / (T + 1), images),
    "ideal.IdealDenoiser.predict_x0": lambda xt, a: ideal.IdealDenoiser(
        torch.randn(N, C, H, W)
    ).predict_x0(xt, (a + 1) / (T + 1)),
    "denoisers.Hybrid": lambda above, below: denoisers.Hybrid(above, below, 1.0),
    "denoisers.MeanDenoiser.predict_x0": lambda xt, a: knows().predict_x0(xt, a / T),
    "denoisers.NetDenoiser.predict_x0": lambda xt, a: denoisers.NetDenoiser(
        lambda xt, t: xt, linear_schedule(T)
    ).predict_x0(xt, a / T),
    "denoisers.nearest_step": lambda schedule, a: denoisers.nearest_step(schedule, a / T),
    "denoisers.Hybrid.predict_x0": lambda xt, a: denoisers.Hybrid(knows(), knows(), 1.0).predict_x0(
        xt, a / T
    ),
    "denoisers.NoiseAtSigma": lambda x: denoisers.NoiseAtSigma(knows())(x, torch.ones(())),
    "denoisers.denoising_error": lambda x0, eps: denoisers.denoising_error(knows(), x0, eps, 1.0),
    "classifier.Classifier": lambda x: classifier.Classifier(C, H)(x),
    "classifier.classifier": lambda: classifier.classifier("digits", "data", torch.device("cpu")),
    "classifier.some": lambda: classifier.some("digits", "train", "data", "cpu", most=N),
    "quality.real_features": lambda: quality.real_features("digits", "data", torch.device("cpu")),
    "quality.others": lambda: quality.others("digits", "data", torch.device("cpu"), n=100),
    "quality.real_distance": lambda features: quality.real_distance(features, n=4),
    "quality.gaussian": lambda images: quality.gaussian(images, n),
}
# Sizes that the function sets: given here, or (None) whatever comes first.
OTHER_SIZES = {
    "data.load": dict(N=None, C=None, H=None, W=None),
    "data.digits": dict(N=None),
    "classifier.some": dict(C=None, H=None, W=None),
    "quality.real_features": dict(N=1797),
    "blocks.ResBlock": dict(C=32, K=64),
    "sigma_unet.SigmaAttention": dict(C=32),
    "diffusion.Guided": dict(W=H),
    "sigma_unet.embed": dict(D=32),
    "res_unet.ResDecoder": dict(C=CHS[0]),
    "wiener.compute_wiener_filter": dict(n=PIXELS),
    "covariance.covariance_in_one_pass": dict(n=PIXELS),
    "covariance.empty_covariance": dict(n=PIXELS),
    "wiener.WienerDenoiser": dict(n=PIXELS),
    "wiener.WienerDenoiser.predict_x0": dict(W=H),
    "wiener.draw_gaussian": dict(n=PIXELS),
    "wiener.save_wiener_filter": dict(n=PIXELS),
    "wiener.load_wiener_filter": dict(n=PIXELS),
    "quality.measure": dict(N=100, C=1, H=16, W=16),
}
# No tensor goes in or comes out.
NO_SHAPES = {
    "unet.times": "a number in words",
    "attention_unet.attention_heads": "a number",
    "published.check_state_dict": "names and tensors",
    "published.described": "an object in words",
    "published.listed": "names in words",
    "ddpm_unet.DDPMUNet.published_name": "names",
    "sigma_unet.published_name": "names",
    "sigma_unet.picture_shape": "numbers",
    "precision.best_precision": "a device and a name",
    "precision.autocast": "a context",
    "precision.gradient_scaler": "a scaler",
    "precision.where_it_overflows": "a sentence",
    "recompute.contexts": "contexts",
    "recompute.norms_at_rest": "a context",
    "memory.peak_memory": "a number of bytes",
    "memory.LiveMemory": "it watches",
    "waiting.Reads": "it watches",
    "memory.LiveMemory.count": "a number of bytes",
    "memory.LiveMemory.free": "a number of bytes",
    "checkpoint.save": "a state and a file",
    "checkpoint.runs_in": "files",
    "checkpoint.content_of": "a state and a dict",
    "checkpoint.resume": "a state and a folder",
    "checkpoint.restore": "a state and a dict",
    "checkpoint.mismatch": "a sentence",
    "checkpoint.latest": "a folder and a dict",
    "checkpoint.load": "a file and a dict",
    "files.damage": "a sentence",
    "files.read": "a file and what is in it",
    "memory.free_memory": "a number of bytes",
    "memory.ensure_free": "a number of bytes",
    "memory.told_when_full": "a sentence",
    "run.TrainState.loss": "a number",
    "run.TrainState.norm": "a number",
    "run.TrainState.skipped": "a number",
    "run.start": "networks and settings",
    "diffusion.sent": "a tensor of any shape",
    "waiting.count_reads": "a number",
    "classifier.conv_pool": "layers",
}
