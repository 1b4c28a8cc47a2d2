"""Pictures that move: what is in the file, and what a page shows of it."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.plots import moving
from course_utils.samplers import ddim
from course_utils.schedule import cosine_schedule

GAP, STORED = 2, 32


def opened(data):
    return Image.open(io.BytesIO(data))


def frames_of(data):
    """The frames of a GIF, as arrays of red, green, blue and opacity (H, W, 4)."""
    gif, frames = opened(data), []
    for number in range(gif.n_frames):
        gif.seek(number)
        frames.append(pixels(gif))
    return frames


def pixels(picture):
    return torch.tensor(np.array(picture.convert("RGBA"))).long()


def steps(n=6, N=5, C=1, size=16):
    """Sets of images on their way from noise to something."""
    noise = torch.randn(n, N, C, size, size, generator=torch.Generator().manual_seed(0))
    return list(noise * torch.linspace(2, 0.1, n).view(-1, 1, 1, 1, 1))


def test_it_takes_its_time_stops_after_its_rounds_and_holds_the_last_frame():
    gif = opened(moving(steps(5), seconds=2, rounds=3).gif)
    assert gif.format == "GIF" and gif.n_frames == 5
    assert gif.info["loop"] == 2  # what a GIF counts are the repeats
    durations = []
    for number in range(5):
        gif.seek(number)
        durations.append(gif.info["duration"])
    assert durations[:4] == [400] * 4 and durations[4] >= 2000


@pytest.mark.parametrize(("C", "levels"), [(1, 15), (3, 6)])
@pytest.mark.parametrize("size", [16, 32, 48])
def test_each_frame_is_what_the_sampler_gave_in_few_colours(C, levels, size):
    torch.manual_seed(0)
    sampler = ddim(lambda xt, t: xt / 2, torch.randn(3, C, size, size), cosine_schedule(99), 4, 1.0)
    taken = [xt for _, xt, _ in sampler]
    frames, scale = frames_of(moving(taken, columns=2).gif), max(1, STORED // size)
    assert len(frames) == 4
    for frame, images in zip(frames, taken):
        for image, row, column in zip(images, (0, 0, 1), (0, 1, 0)):
            top, left = (place * (size * scale + GAP) for place in (row, column))
            shown = frame[top : top + size * scale, left : left + size * scale]
            large = image.clamp(-1, 1).repeat_interleave(scale, 1).repeat_interleave(scale, 2)
            off = (shown[..., :3].permute(2, 0, 1) / 127.5 - 1 - large).abs().max()
            assert off < 1 / (levels - 1) + 1 / 127  # half a level, and whole numbers
            assert (shown[..., 3] == 255).all()
    colours = {tuple(colour) for frame in frames for colour in frame.flatten(0, 1).tolist()}
    assert len(colours) <= levels**C + 1


def test_gaps_and_places_without_an_image_let_the_page_through():
    for frame in frames_of(moving(steps(N=3), columns=2).gif):
        assert frame.shape == (2 * STORED + GAP, 2 * STORED + GAP, 4)
        clear = frame[..., 3] == 0
        assert clear[STORED : STORED + GAP].all() and clear[:, STORED : STORED + GAP].all()
        assert clear[STORED:, STORED:].all() and not clear[:STORED, :STORED].any()


def test_one_row_is_no_wider_than_its_images():
    assert opened(moving(steps(N=3)).gif).size == (3 * STORED + 2 * GAP, STORED)


def test_the_still_is_the_last_frame():
    made = moving(steps())
    still = opened(made.still)
    assert still.format == "PNG" and not getattr(still, "is_animated", False)
    assert (pixels(still) == frames_of(made.gif)[-1]).all()


def test_twenty_digits_in_twenty_five_frames_are_far_below_the_limit():
    made = moving(steps(25, N=20))
    assert made.frames == 25 and len(made.gif) < 400_000 and len(made.still) < 40_000


def test_of_a_file_that_would_be_too_large_every_second_frame_goes_but_not_the_last():
    taken = steps(24, N=20, C=3, size=64)
    made = moving(taken)
    assert len(made.gif) < 1_000_000
    assert (
        24 // made.frames in (2, 4, 8) and str(made) == f"<MovingPicture of {made.frames} frames>"
    )
    assert (frames_of(made.gif)[-1] == frames_of(moving(taken[-1:]).gif)[0]).all()


def test_a_page_shows_the_gif_and_where_movement_is_unwelcome_the_still():
    made = moving(steps())
    html = made._repr_html_()
    source, image = re.search(r"<picture><source ([^>]*)><img ([^>]*)></picture>", html).groups()
    assert 'media="(prefers-reduced-motion: reduce)"' in source
    shown = [
        re.search(r'"data:image/(\w+);base64,([^"]*)"', tag).groups() for tag in (source, image)
    ]
    assert [kind for kind, _ in shown] == ["png", "gif"]
    assert [b64decode(data) for _, data in shown] == [made.still, made.gif]
    # 48 points, a point being 4/3 of a page's pixels.
    width, per_row = int(re.search(r'width="(\d+)"', image)[1]), 5
    assert width / per_row >= 64 and 'alt="' in image
