"""Stand-ins for networks, which experiments hand to an attempt. An error in here is the attempt's,
which called them, so they stand apart from the exercises."""

import torch
from torch import nn
from torch.nn import functional as F


class SigmaNet(nn.Module):
    """A stand-in for a network that is told sigma: its answer depends on xt and on sigma."""

    def forward(self, xt, sigma):
        sigma = torch.as_tensor(sigma, dtype=xt.dtype, device=xt.device).view(-1, 1, 1, 1)
        return 0.6 * xt / (1 + sigma) + 0.4 * torch.sin(3 * sigma + xt)


class Labels:
    """What a network with labels has as cond_embed, as far as guidance needs it."""

    def __init__(self, hidden):
        self.hidden = hidden


class LabelledNet:
    """A stand-in for a network that knows labels too."""

    def __init__(self, classes):
        self.cond_embed = Labels(classes)
        z = torch.randn(classes + 1, generator=torch.Generator().manual_seed(classes))
        self.table = z[:, None]

    def __call__(self, xt, sigma, cond=None):
        if cond is None:
            raise ValueError("this network needs a label for each picture; some may be hidden")
        if cond.is_floating_point():
            raise ValueError("labels are integers")
        sigma = torch.as_tensor(sigma, dtype=xt.dtype, device=xt.device).flatten()
        if len(sigma) not in (1, len(xt)) or len(cond) != len(xt):
            raise ValueError(
                f"{len(xt)} pictures, {len(cond)} labels, {len(sigma)} sigmas; there must be as "
                f"many of each, or one sigma for all"
            )
        if not cond.is_meta and not 0 <= int(cond.min()) <= int(cond.max()) < len(self.table):
            hidden = self.cond_embed.hidden
            raise ValueError(
                f"labels are 0 to {hidden - 1}, and {hidden} is the hidden one; "
                f"got {int(cond.min())} to {int(cond.max())}"
            )
        cond = cond + torch.zeros_like(cond, device=xt.device)  # no labels of another device
        shift = F.embedding(cond, self.table.to(xt.device)) + sigma[:, None]
        return torch.sin(xt * (1 + shift[:, :, None, None]))
