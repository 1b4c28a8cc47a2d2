"""A small classifier that knows the real pictures; with its eyes we look at the samples."""

from functools import cache

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.data import load


class Classifier(nn.Module):
    """A small network that tells ten classes apart; how it sees a picture are its 64 features.

    (B, C, H, H) -> (B, 10)
    """

    def __init__(self, in_ch, size):
        super().__init__()
        self.features = nn.Sequential(
            *conv_pool(in_ch, 32),  # (B, 32, H/2, W/2)
            *conv_pool(32, 64),  # (B, 64, H/4, W/4)
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(64 * (size // 4) ** 2, 64),
            nn.ReLU(),
        )
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.features(x))


def conv_pool(in_ch, out_ch):
    conv = nn.Conv2d(in_ch, out_ch, 3, padding=1)
    return conv, nn.BatchNorm2d(out_ch), nn.ReLU(), nn.MaxPool2d(2)


@cache
def classifier(data, root, device, epochs=20, batch=64):
    """Train the classifier on real pictures, each shifted by up to a pixel.

    () -> Classifier

    For the digits it takes a few seconds, once. The seed is fixed, and torch's own random
    generator is left alone.
    """
    images, labels = some(data, "train", root, device)
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(0)
        net = Classifier(images.shape[1], images.shape[2]).to(device)
        optimizer = torch.optim.AdamW(net.parameters())
        batches = len(images) // batch
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * batches)
        for _ in range(epochs):
            for i in torch.randperm(len(images)).split(batch)[:batches]:
                loss = F.cross_entropy(net(shift(images[i])), labels[i])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                rate.step()
    return net.eval().requires_grad_(False)


def some(data, split, root, device, most=10_000):
    """Return the first images and labels of a data set, on a device.

    () -> (N, C, H, W), (N,)
    """
    images, labels = load(data, split, root)
    return images[:most].to(device), labels[:most].to(device)


def shift(x):
    """Move a batch by -1, 0 or 1 pixels in each direction; what comes in is background.

    (B, C, H, W) -> (B, C, H, W)
    """
    down, right = torch.randint(0, 3, (2,)).tolist()
    H, W = x.shape[2:]
    return F.pad(x, (1, 1, 1, 1), value=-1)[:, :, down : down + H, right : right + W]
