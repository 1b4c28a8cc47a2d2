"""Pictures that move: what a sampler gives, step by step."""

import base64
import io

import torch
from PIL import Image

STORED = 32  # about how wide each image is in the file; a page shows it twice as wide, 48 points
GAP = 2
HELD = 2500  # milliseconds that the last frame stays
LIMIT = 1_000_000  # bytes
LEVELS = {1: 15, 3: 6}  # of each channel: with the gaps, 16 and 217 colours
HTML = (
    '<picture><source media="(prefers-reduced-motion: reduce)" '
    'srcset="data:image/png;base64,{still}">'
    '<img src="data:image/gif;base64,{gif}" alt="A moving picture." width="{width}" '
    'style="max-width: 100%; height: auto; image-rendering: pixelated"></picture>'
)


class MovingPicture:
    """A GIF, and its last frame as a still, for those who asked their browser for less motion.

    Both are the bytes of a file. HTML shows them, because neither nbconvert nor the tool that
    makes the site has a place for a GIF by itself.
    """

    def __init__(self, frames, seconds, rounds):
        last = frames[-1]
        each = round(1000 * seconds / len(frames))
        self.width, self.frames = 2 * last.width, len(frames)
        self.still = encoded(last, "PNG")
        self.gif = encoded(
            frames[0], "GIF", save_all=True, append_images=frames[1:],
            duration=[each] * (len(frames) - 1) + [HELD], loop=rounds - 1,  # a GIF counts repeats
        )  # fmt: skip

    def __repr__(self):
        return f"<MovingPicture of {self.frames} frames>"

    def _repr_html_(self):
        gif, still = (base64.b64encode(part).decode() for part in (self.gif, self.still))
        return HTML.format(gif=gif, still=still, width=self.width)


def moving(steps, columns=10, seconds=4, rounds=3):
    """Make a moving picture of sets of images, such as those after each step of a sampler.

    list of (N, C, H, W) -> MovingPicture

    It takes so many seconds, and stops after so many rounds. A file over 1 MB is made again with
    every second frame left out.
    """
    frames = [sheet(images, columns) for images in steps]
    made = MovingPicture(frames, seconds, rounds)
    while len(made.gif) > LIMIT and len(frames) > 2:
        frames = frames[::-2][::-1]  # from the last, which stays
        made = MovingPicture(frames, seconds, rounds)
    return made


def encoded(picture, kind, **options):
    """Return a picture as the bytes of a file of some kind."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def sheet(images, columns):
    """Lay images out in rows, in few colours, with gaps that let the page through.

    (N, C, H, W) -> PIL image
    """
    N, C, H, W = images.shape
    scale, levels = max(1, STORED // W), LEVELS[C]
    steps = ((images.detach().float().cpu().clamp(-1, 1) + 1) / 2 * (levels - 1)).round().int()
    numbers = sum(steps[:, c] * levels**c for c in range(C))
    numbers = numbers.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    rows, high, wide = -(-N // columns), H * scale + GAP, W * scale + GAP
    whole = torch.full((rows * high - GAP, min(N, columns) * wide - GAP), levels**C)
    for i, image in enumerate(numbers):
        top, left = i // columns * high, i % columns * wide
        whole[top : top + H * scale, left : left + W * scale] = image
    picture = Image.frombytes("P", whole.shape[::-1], bytes(whole.flatten().tolist()))
    picture.putpalette(palette(C))
    picture.info["transparency"] = levels**C
    return picture


def palette(C):
    """Return the colours of the numbers, red, green and blue in turn, and white for the gaps."""
    levels, channels = LEVELS[C], range(3) if C == 3 else (0, 0, 0)
    parts = ((i // levels**c) % levels for i in range(levels**C) for c in channels)
    return [255 * part // (levels - 1) for part in parts] + [255, 255, 255]
