"""Sixth set of networks that strangers got wrong: diffusion, its conditions and adapters."""

import torch
from torch import nn
from torch.nn import functional as F


def draw(*shape):
    return torch.randn(shape)


SAYS = {
    "hint_for_twice_the_tiles": [
        "4",
        "8",
        "batch|axis 0|rows|tile|doubl|twice|half|repeat|dimension 0|pictures|hint",
    ],
    "control_of_a_narrower_base": [
        "16",
        "8",
        "channel|width|axis 1|wide|narrow|same base|control|branch|half",
    ],
    "guidance_for_the_stacked_batch": [
        "3",
        "6",
        "batch|axis 0|rows|twice|doubl|expand|len(|reference|stack|steps|guid|dimension 0",
    ],
    "four_latents_for_nine": [
        "9",
        "4",
        "channel|enter|mask|cat|inpaint",
    ],
    "words_in_full_precision": [
        "half|float16",
        "float32|float()|full|single|Float",
        "key|words|.to(|.half()|cast|dtype|convert",
    ],
    "adapter_without_scale": [
        "ask|LowRank",
        "argument|scale|parameter|positional",
        "2|two|one",
    ],
    "list_of_layers_is_called": [
        "ModuleList|to_out",
        "Sequential|[0]|loop|each|one by one|in turn|for |cannot be called|no forward|forward",
    ],
    "class_is_not_told": [
        "label|class|kind",
        "missing|not given|None|give|pass|without|specify|left out|needs|forgot|must|default",
    ],
}


class HintBranch(nn.Module):
    """First layers of a control branch: the hint is added to the latents."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(4, 6, 3, 1, 1)
        self.see_hint = nn.Sequential(nn.Conv2d(3, 6, 4, 4), nn.SiLU(), nn.Conv2d(6, 6, 3, 1, 1))
        self.zero = nn.Conv2d(6, 6, 1)

    def forward(self, latents, hint):
        guided = self.see_hint(hint)
        h = self.enter(latents)
        h += guided
        return self.zero(F.silu(h))


def hint_for_twice_the_tiles():
    """The hint was repeated for all tiles twice, the latents came in smaller batches.

    https://github.com/pkuliyi2015/multidiffusion-upscaler-for-automatic1111/issues/29
    """
    z, hint = draw(4, 4, 6, 6), draw(8, 3, 24, 24)
    return HintBranch(), [z, hint], HintBranch(), [z, hint[:4]]


class SteeredUNet(nn.Module):
    """A denoiser with two levels; a control branch adds to the middle and the skip."""

    def __init__(self, steer):
        super().__init__()
        self.into, self.down = nn.Conv2d(4, 8, 3, 1, 1), nn.Conv2d(8, 16, 3, 2, 1)
        self.steer_skip, self.steer_mid = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, steer, 3, 2, 1)
        self.up, self.leave = nn.ConvTranspose2d(16, 8, 2, 2), nn.Conv2d(16, 4, 3, 1, 1)

    def forward(self, noisy, edges):
        control = F.silu(self.steer_skip(edges))
        skip = F.silu(self.into(noisy))
        mid = F.silu(self.down(skip)) + self.steer_mid(control)
        return self.leave(torch.cat([self.up(mid), skip + control], 1))


def control_of_a_narrower_base():
    """A control net of another base model was used, it has half the channels in the middle.

    https://github.com/cubiq/ComfyUI_IPAdapter_plus/issues/72
    """
    args = [draw(2, 4, 8, 8), draw(2, 3, 8, 8)]
    return SteeredUNet(8), args, SteeredUNet(16), args


class EditFlow(nn.Module):
    """Latents and those of a reference become one row of tokens; steps and guidance shift them."""

    def __init__(self, all_of_them):
        super().__init__()
        self.all_of_them = all_of_them
        self.patch, self.block = (
            nn.Conv2d(4, 8, 2, 2),
            nn.TransformerEncoderLayer(8, 2, 12, batch_first=True),
        )
        self.time, self.guide = nn.Linear(1, 8), nn.Linear(1, 8)

    def forward(self, latents, reference, steps):
        stacked = torch.cat([latents, reference])
        rows = len(stacked) if self.all_of_them else len(latents)
        guidance = torch.ones(1).expand(rows)
        shift = self.time(steps[:, None]) + self.guide(guidance[:, None])
        one, two = self.patch(stacked).flatten(2).transpose(1, 2).chunk(2)
        return self.block(torch.cat([one, two], 1) + shift[:, None])


def guidance_for_the_stacked_batch():
    """The guidance was spread over as many rows as latents and references have together.

    https://github.com/ostris/ai-toolkit/pull/343
    """
    args = [draw(3, 4, 4, 6), draw(3, 4, 4, 6), torch.rand(3)]
    return EditFlow(True), args, EditFlow(False), args


class HoleFiller(nn.Module):
    """Denoises latents; next to them it wants a mask and the latents without the hole."""

    def __init__(self, gives_mask):
        super().__init__()
        self.gives_mask = gives_mask
        self.enter, self.mid = nn.Conv2d(9, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.leave = nn.Conv2d(8, 4, 3, 1, 1)

    def forward(self, latents, mask):
        if self.gives_mask:
            latents = torch.cat([latents, mask, latents * (1 - mask)], dim=1)
        return self.leave(F.silu(self.mid(F.silu(self.enter(latents)))))


def four_latents_for_nine():
    """A model for inpainting got the plain latents, without mask and masked picture.

    https://github.com/huggingface/diffusers/issues/6964
    """
    args = [draw(2, 4, 8, 8), torch.ones(2, 1, 8, 8)]
    return HoleFiller(False), args, HoleFiller(True), args


class WordAttention(nn.Module):
    """Places of a latent attend to words."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = nn.Linear(4, 8), nn.Linear(6, 8), nn.Linear(6, 8)
        self.leave = nn.Linear(8, 4)

    def forward(self, latents, words):
        places = latents.flatten(2).transpose(1, 2)
        match = self.query(places) @ self.key(words).transpose(1, 2)
        moved = self.leave((match / 3).softmax(-1) @ self.value(words))
        return (places + moved).transpose(1, 2).reshape(latents.shape)


def words_in_full_precision():
    """The network and the latents were in half precision, the text embeddings were not.

    https://github.com/ShivamShrirao/diffusers/issues/39
    """
    z, words = draw(2, 4, 4, 4).half(), draw(2, 5, 6)
    return WordAttention().half(), [z, words], WordAttention().half(), [z, words.half()]


class LowRank(nn.Module):
    """Takes the place of a linear map and adds one of rank two."""

    def __init__(self, old):
        super().__init__()
        self.old = old
        self.less = nn.Linear(old.in_features, 2, bias=False)
        self.more = nn.Linear(2, old.out_features, bias=False)

    def forward(self, x):
        return self.old(x) + self.more(self.less(x))


class ScaledLowRank(LowRank):
    def forward(self, x, scale=1.0):
        return self.old(x) + scale * self.more(self.less(x))


class SliderNet(nn.Module):
    """Attention of a denoiser, which hands a scale to each of its maps."""

    def __init__(self, kind):
        super().__init__()
        self.cut = nn.Conv2d(4, 8, 2, 2)
        self.ask, self.tell = kind(nn.Linear(8, 8)), kind(nn.Linear(8, 8))

    def forward(self, latents, scale=0.5):
        h = self.cut(latents).flatten(2).transpose(1, 2)
        weights = (self.ask(h, scale) @ h.transpose(1, 2)).softmax(-1)
        return weights @ self.tell(h, scale)


def adapter_without_scale():
    """The newer attention hands a scale to its linear maps, the adapter in their place takes none.

    https://github.com/rohitgandikota/sliders/issues/27
    """
    x = draw(2, 4, 6, 8)
    return SliderNet(LowRank), [x], SliderNet(ScaledLowRank), [x]


class WatchedAttention(nn.Module):
    """Self attention over places, with a list of layers at its end."""

    def __init__(self, one_by_one):
        super().__init__()
        self.one_by_one = one_by_one
        self.norm, self.to_qkv = nn.GroupNorm(2, 8), nn.Conv2d(8, 24, 1)
        self.to_out = nn.ModuleList([nn.Linear(8, 8), nn.Dropout(0.0)])

    def forward(self, h):
        q, k, v = self.to_qkv(self.norm(h)).flatten(2).transpose(1, 2).chunk(3, -1)
        seen = F.scaled_dot_product_attention(q, k, v)
        if self.one_by_one:
            for layer in self.to_out:
                seen = layer(seen)
        else:
            seen = self.to_out(seen)
        return h + seen.transpose(1, 2).reshape(h.shape)


def list_of_layers_is_called():
    """The layers at the end of the attention became a ModuleList, the patch still calls them.

    https://github.com/yuval-alaluf/Attend-and-Excite/issues/5
    """
    x = draw(2, 8, 4, 6)
    return WatchedAttention(False), [x], WatchedAttention(True), [x]


class LesionDenoiser(nn.Module):
    """Foretells noise; if kinds are counted, it must hear which kind of scan it is."""

    def __init__(self, kinds):
        super().__init__()
        self.kinds = kinds
        self.enter, self.time = nn.Conv2d(4, 8, 3, 1, 1), nn.Linear(1, 8)
        self.leave = nn.Conv2d(8, 4, 3, 1, 1)
        if kinds is not None:
            self.label_emb = nn.Embedding(kinds, 8)

    def forward(self, scan, steps, label=None):
        assert (label is not None) == (self.kinds is not None), "label only if there are classes"
        emb = self.time(steps[:, None])
        if self.kinds is not None:
            emb = emb + self.label_emb(label)
        return self.leave(F.silu(self.enter(scan) + emb[:, :, None, None]))


def class_is_not_told():
    """The model was built with classes, and the training loop gives it no class.

    https://github.com/JuliaWolleb/diffusion-anomaly/issues/10
    """
    x, steps = draw(2, 4, 8, 8), torch.rand(2)
    told = [x, steps, torch.tensor([0, 1])]
    return LesionDenoiser(2), [x, steps], LesionDenoiser(2), told
