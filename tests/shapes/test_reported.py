"""Networks that people really got wrong: what is told of each, and nothing of its healthy twin."""

import warnings
from pathlib import Path

import pytest
import reported_batches
import reported_calls
import reported_channels
import reported_sizes
import strangers_a
import strangers_b
import strangers_c
import strangers_d
import strangers_e
import strangers_f
import strangers_g
import strangers_h
import strangers_i
import strangers_j
import strangers_k
import strangers_l
import strangers_m
import strangers_n
import strangers_o
import strangers_p
import strangers_q
import strangers_r
import strangers_s
import strangers_t
import strangers_u
import strangers_v
import strangers_w
import strangers_x
import strangers_y
import strangers_z
import strangers_za
import strangers_zb
import strangers_zc
import strangers_zd
import strangers_ze
import strangers_zf
import strangers_zg
import strangers_zh
import strangers_zi
import strangers_zj
import torch
from small_networks import takes_float64_targets

from course_utils.shapes import trace

REPORTED = (
    reported_sizes.CASES | reported_batches.CASES | reported_channels.CASES | reported_calls.CASES
)
STRANGERS = (
    strangers_a, strangers_b, strangers_c, strangers_d,
    strangers_e, strangers_f, strangers_g, strangers_h,
    strangers_i, strangers_j, strangers_k, strangers_l,
    strangers_m, strangers_n, strangers_o, strangers_p,
    strangers_q, strangers_r, strangers_s, strangers_t,
    strangers_u, strangers_v, strangers_w, strangers_x,
    strangers_y, strangers_z, strangers_za, strangers_zb,
    strangers_zc, strangers_zd, strangers_ze, strangers_zf,
    strangers_zg, strangers_zh, strangers_zi, strangers_zj,
)  # fmt: skip
FOUND_LATER = {name: getattr(room, name) for room in STRANGERS for name in room.SAYS}
CASES = REPORTED | FOUND_LATER

# What the first edition told of them, and words that a right sentence has ("a|b": one of these).
BEFORE = {
    "RIGHT": "spectrogram_odd_rows no_output_padding volume_in_2d_net one_axis_too_many "
    "more_steps_than_rows text_in_float32 layers_in_a_list_stay_behind rgba_pictures "
    "middle_halves_channels text_of_another_encoder kernel_larger_than_map net_takes_no_step "
    "label_left_out pixels_and_channels_mixed projection_forgotten",
    "PARTLY": "skip_1d_odd_length skip_1d_added stride_of_one grey_batch_without_channel "
    "sequence_with_channels_last layer_norm_on_maps attention_for_another_size "
    "embedding_of_odd_width schedule_meets_columns table_stays_behind time_table_is_float32 "
    "convolved_before_the_skip half_of_the_base_channels tokens_meet_a_map "
    "too_many_halvings_for_batchnorm",
    "WRONG": "pad_swapped block_does_not_know_the_keyword",
    "NOTHING": "attention_not_batch_first floats_as_rows unshuffle_does_not_divide "
    "einops_cannot_halve module_list_is_called frozen_and_recomputed embedding_axis_not_moved "
    "one_channel_of_noise_for_two",
    "CRASH": "norm_gets_nothing",
}
SAYS = {
    "skip_1d_odd_length": ["skip is 7 long", "map is 6 long", "7 is odd"],
    "skip_1d_added": ["37", "36", "37 is odd"],
    "spectrogram_odd_rows": ["17 is odd", "rounded up to 9"],
    "pad_swapped": ["pad", "17 x 20 of 16 x 20", "16 x 21", "from the last axis"],
    "no_output_padding": ["down made 8 of 16, up made 15 of 8", "output_padding=1"],
    "stride_of_one": ["nothing made it smaller", "up.0 made 32 of 16"],
    "grey_batch_without_channel": ["(15, 24, 24)", "one picture", "15 channels", "x[:, None]"],
    "volume_in_2d_net": ["inc.0 expects (B, C, H, W)", "(3, 1, 5, 16, 16)"],
    "one_axis_too_many": ["0 expects (B, C, D, H, W)", "(2, 1, 4, 8, 8, 6)"],
    "sequence_with_channels_last": ["12 + 4", "20 + 4 is meant", "axis 2", "x.transpose(1, 2)"],
    "layer_norm_on_maps": ["the 24 are on axis 1", "GroupNorm(1, 24)"],
    "attention_not_batch_first": ["look", "batch_first", "2 tokens of 30 pictures", "have 7"],
    "attention_for_another_size": ["look", "view of (3, 16, 16, 16)", "12 pictures of 3"],
    "embedding_of_odd_width": ["layers.0 expects 27", "26", "13 + 13", "odd", "rounded down"],
    "more_steps_than_rows": ["table has rows 0 to 1999", "from 0 to 2500"],
    "floats_as_rows": ["t, the network's second input, is float32", ".long()"],
    "schedule_meets_columns": ["one number for each of 4 images", "[:, None, None, None]"],
    "table_stays_behind": ["(20, 16) is self.table", "plain tensor", "register_buffer"],
    "layers_in_a_list_stay_behind": ["self.experts, a plain Python list", "nn.ModuleList"],
    "time_table_is_float32": ["made in forward (cat of sin, cos, from arange)", ".to(x.dtype)"],
    "text_in_float32": ["to_k", "float16", "float32", "text, the network's second input"],
    "convolved_before_the_skip": ["twice.0 expects 32", "16 too few", "not concatenated"],
    "rgba_pictures": ["inc.0 expects 3 channels and gets 4, the channels of the input x"],
    "middle_halves_channels": ["up.0 expects 64 channels and gets 48", "16 + 32"],
    "half_of_the_base_channels": ["cannot split 16 channels", "nn.GroupNorm(groups, a)"],
    "text_of_another_encoder": ["to_k expects 32 numbers", "24 numbers of text"],
    "tokens_meet_a_map": ["tokens of a map of 6 x 5", "not turned back into one"],
    "too_many_halvings_for_batchnorm": ["downs.3.1", "1 x 1", "20 -", "fewer halvings"],
    "kernel_larger_than_map": ["low: the map is 2 x 2", "kernel of 3 x 3"],
    "unshuffle_does_not_divide": ["100 columns cannot be folded by 8", "96 or 104"],
    "einops_cannot_halve": ["(2, 8, 5, 5)", "5 cannot be divided", "20", "a multiple of 8"],
    "block_does_not_know_the_keyword": ["down.0 (SelfDown) does not take `text`", "hidden, temb"],
    "module_list_is_called": ["down is a ModuleList", "loop over it", "nn.Sequential"],
    "net_takes_no_step": ["Plain2d (Plain2d) takes x and gets 2 inputs"],
    "label_left_out": ["this network has classes: it needs y"],
    "frozen_and_recomputed": ["Nothing in the loss asks for gradients", "use_reentrant=False"],
    "embedding_axis_not_moved": ["(3, 2, 7, 5, 6) to (3, 12, 5, 7)", "old order"],
    "pixels_and_channels_mixed": ["(2, 12, 5, 7) to (2, 35, 12)", "old order"],
    "projection_forgotten": ["No operation used proj.weight"],
    "one_channel_of_noise_for_two": ["(4, 1, 8, 6) - (4, 2, 8, 6)", "one is spread over"],
    "norm_gets_nothing": ["1 gets None", "0 (Ending)", "returned None"],
} | {name: words for room in STRANGERS for name, words in room.SAYS.items()}


TOLD = Path(__file__).with_name("told.txt")


def told(model, inputs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # PyTorch warns of two of them
        found = trace(model, *inputs)
    return " ".join([found.cause] * bool(found.cause) + found.remarks)


def written(text):
    """name -> what is told of that network, from told.txt."""
    return dict(line.split(": ", 1) for line in text.splitlines())


@pytest.mark.parametrize("name", CASES)
def test_what_people_got_wrong_is_explained(name, record_property):
    if name == "labels_in_float64" and takes_float64_targets():
        pytest.skip("this PyTorch takes a float64 target: nothing fails")
    model, inputs, _, _ = CASES[name]()
    said = told(model, inputs)
    before = next((kind for kind, names in BEFORE.items() if name in names.split()), "new")
    told_so = said.lower()
    missing = [
        words for words in SAYS[name] if not any(w.lower() in told_so for w in words.split("|"))
    ]
    verdict = "not right" if missing else "RIGHT"
    record_property("reported networks", f"{name}: {before} -> {verdict}\n      {said}")
    assert not missing, said
    # Where a sentence is meant to change: python tests/shapes/write_told.py, and read the diff.
    # What PyTorch says itself differs from version to version.
    was = written(TOLD.read_text(encoding="utf-8"))[name]
    assert " ".join(said.split()).partition("Error: ")[0] == was.partition("Error: ")[0]


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_told_of_the_healthy_twin(name):
    _, _, model, inputs = CASES[name]()
    assert told(model, inputs) == ""


def test_every_case_has_words():
    assert set(SAYS) == set(CASES)
    assert sum(len(names.split()) for names in BEFORE.values()) == len(REPORTED) == 41


class Injected(torch.nn.Module):
    """A condition is halved first, and each size of it joins the way down."""

    def __init__(self):
        super().__init__()
        self.of_condition = torch.nn.ModuleList(
            torch.nn.Conv2d(1, 4, 3, padding=1) for _ in range(2)
        )
        self.one, self.two = (torch.nn.Conv2d(n, 8, 3, padding=1) for n in (3, 12))
        self.out = torch.nn.Conv2d(12, 3, 3, padding=1)

    def forward(self, x, condition):
        sizes = condition, torch.nn.functional.avg_pool2d(condition, 2)
        first, second = (layer(c) for layer, c in zip(self.of_condition, sizes))
        h = self.two(torch.cat([self.one(x), first], dim=1))
        h = torch.nn.functional.avg_pool2d(h, 2)
        return self.out(torch.cat([h, second], dim=1))


def test_a_condition_that_joins_the_way_down_is_no_skip():
    assert told(Injected(), [torch.randn(2, 3, 8, 8), torch.randn(2, 1, 8, 8)]) == ""
