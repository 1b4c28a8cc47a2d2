"""What my_unet.py is made of: the parts of the reader's network, and the head of the file."""

from course_utils import (
    attention,
    attention_unet,
    blocks,
    decoder,
    diffusion,
    embedding,
    encoder,
    fields,
    grown_unet,
    samplers,
    schedule,
    straight,
    unet,
)

# In the order of the file. The number is that of the exercise; "" stands for no exercise.
PARTS = (
    ("1.1", embedding.frequencies),
    ("1.2", embedding.sinusoidal_embedding),
    ("1.4", embedding.TimeEmbedding),
    ("2.5", blocks.ConvBlock),
    ("3.1", blocks.downsample),
    ("4.2", blocks.upsample),
    ("3.4", encoder.Encoder),
    ("4.5", decoder.Decoder),
    ("5.1", unet.UNet),
    ("", unet.check_picture),
    ("", unet.times),
    ("", unet.timesteps),
    ("", schedule.Schedule),
    ("", schedule.cosine_schedule),
    ("0.1", diffusion.add_noise),
    ("", diffusion.predict_x0),
    ("5.3", diffusion.noise_loss),
    ("", diffusion.velocity),
    ("", diffusion.velocity_loss),
    ("5.6", diffusion.training_step),
    ("5.8", diffusion.noise_from_velocity),
    ("", diffusion.NoiseFromVelocity),
    ("", samplers.last),
    ("5.7", samplers.posterior_mean),
    ("5.4", samplers.ddpm),
    ("5.5", samplers.ddim),
    # Attention: 8.3 and what puts it into the network.
    ("", attention.to_tokens),
    ("", attention.to_map),
    ("8.3", attention.TokenAttention),
    ("", attention.MultiHeadAttention),
    ("", attention.AttentionBlock),
    ("", attention.Attended),
    ("", attention_unet.GatedAttention),
    ("", attention_unet.with_attention),
    ("", attention_unet.blocks_at),
    ("", attention_unet.attention_heads),
    ("", attention_unet.gated),
    # What it grows by in notebook 10.
    ("", embedding.LabelEmbedding),
    ("10.6", blocks.FiLMBlock),
    ("", grown_unet.GrownUNet),
    ("10.5", diffusion.Guided),
    # Straight lines, from notebook 11.
    ("", straight.on_line),
    ("11.1", straight.straight_loss),
    ("", straight.Field),
    ("", straight.euler),
    ("11.3", straight.heun),
    ("", straight.reflow_pairs),
    ("", straight.reflow_loss),
    ("11.5", fields.repair),
)
REFERENCES = {part.__name__: part for _, part in PARTS}
NUMBERS = {part.__name__: number for number, part in PARTS}

START = '"""My U-Net, built in the diffusion U-Net course.'
HEAD = f'''{START}

A part that is mine has passed its check. The others are the course's; each that has a number is
replaced when I have done that exercise. It is all here:

    net, schedule = UNet(in_ch=1, base_ch=32, ch_mult=(1, 2, 4), time_dim=128), cosine_schedule()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for _ in range(2000):  # images: (N, 1, 16, 16), from -1 to 1
        training_step(net, optimizer, images, schedule, noise_loss)
    pictures = last(ddim(net.eval(), torch.randn(16, 1, 16, 16), schedule))

With velocity_loss the network learns v; the samplers then get NoiseFromVelocity(net, schedule).
with_attention(net) puts attention into a network, which can then be trained further. GrownUNet
knows labels: velocity_loss takes them last, and Guided(net, labels, scale) draws what they say.
With straight_loss a network learns straight lines: last(euler(Field(net, labels), noise)) draws,
and after reflow_loss on reflow_pairs one evaluation is enough.
"""

import math

import torch
from einops import rearrange
from torch import nn
from torch.nn import functional as F
'''
