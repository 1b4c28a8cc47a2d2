"""The page's network in node: it answers and draws as the one in torch does."""

import pytest
import torch
from page_networks import NETWORKS, answer, error_of, kept

from course_utils.diffusion import NoiseFromVelocity, add_noise
from course_utils.samplers import ddim, last
from course_utils.schedule import cosine_schedule

TIMES = [0, 1, 17, 250, 500.5, 666, 998, 999]
SCHEDULE = cosine_schedule()
FORWARD = """(net, {calls}) =>
    calls.map(({x, t, label}) => net.forward(Float32Array.from(x), t, label))"""


def noise_for(net, seed=0):
    return torch.randn(net.in_ch, 16, 16, generator=torch.Generator().manual_seed(seed))


def hidden(net):
    return net.cond_embed.hidden if hasattr(net, "cond_embed") else None


@pytest.mark.parametrize("bits, most", [(32, 1e-4), (16, 1e-2)])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_answers_as_in_torch_at_all_times(javascript, name, bits, most):
    net = NETWORKS[name]
    xs = [noise_for(net, seed) for seed in range(len(TIMES))]
    calls = [{"x": x.flatten().tolist(), "t": t} for x, t in zip(xs, TIMES)]
    found = javascript(FORWARD, kept(net, bits=bits), calls=calls)
    for x, t, came in zip(xs, TIMES, found, strict=True):
        assert error_of(came, answer(net, x, t, hidden(net))) < most


@pytest.mark.parametrize("name", [name for name in NETWORKS if "Grown" in name])
def test_each_label_has_its_own_answer(javascript, name):
    net, labels = NETWORKS[name], range(hidden(NETWORKS[name]) + 1)
    x = noise_for(net)
    calls = [{"x": x.flatten().tolist(), "t": 300, "label": label} for label in labels]
    found = javascript(FORWARD, kept(net), calls=calls)
    for label, came in zip(labels, found, strict=True):
        right = [error_of(came, answer(net, x, 300, other)) < 1e-4 for other in labels]
        assert right == [other == label for other in labels]


def test_a_picture_of_another_size_is_refused(javascript):
    told = javascript(
        "net => { try { net.forward(new Float32Array(9), 0); } catch (e) { return e.message; } }",
        kept(NETWORKS["UNet"]),
    )
    assert told == "x must hold 1 x 16 x 16 numbers; got 9"


def test_its_input_stays_as_it_was(javascript):
    code = """net => {
        const x = new Float32Array(256).fill(0.5);
        net.forward(x, 9); net.sample(x, 2);
        return x.every(v => v === 0.5);
    }"""
    assert javascript(code, kept(NETWORKS["GrownUNet"]))


@pytest.mark.parametrize("name", ["UNet with attention", "GrownUNet"])
def test_every_layer_shows_what_torchs_layer_of_that_name_makes(javascript, name):
    net, expected, x = NETWORKS[name], {}, noise_for(NETWORKS[name])

    def keeper(name):
        return lambda module, inputs, output: expected.update({name: output})

    hooks = [module.register_forward_hook(keeper(name)) for name, module in net.named_modules()]
    answer(net, x, 400, hidden(net))
    for hook in hooks:
        hook.remove()
    code = """(net, {x}) => {
        const seen = [];
        net.look = (name, data, shape) => seen.push([name, data, shape]);
        net.forward(Float32Array.from(x), 400);
        return seen;
    }"""
    seen = javascript(code, kept(net), x=x.flatten().tolist())
    names = [name for name, *_ in seen]
    assert len(set(names)) == len(names) and names[0] != names[-1]
    named = {name: (data, shape) for name, data, shape in seen}
    layers = {name for name, m in net.named_modules() if name and not [*m.children()]}
    identities = {name for name in layers if not [*net.get_submodule(name).parameters()]}
    assert layers - identities - named.keys() - {"cond_embed.table"} == set()
    for name in expected.keys() & named.keys():
        if isinstance(expected[name], torch.Tensor):
            data, shape = named[name]
            if expected[name].ndim == 4:
                assert shape == list(expected[name].shape[1:])
            if "tokens" not in name:  # torch has tokens there, the page has maps
                assert error_of(data, expected[name]) < 1e-4, name


def euler(net, x, n, label, strength=1.0):
    """Straight lines: x - u / n, told 999 t."""
    for i in range(n):
        t = strength * (1 - i / n)
        x = x - strength / n * answer(net, x, int(999 * t + 0.5), label).view_as(x)
    return x


@pytest.mark.parametrize("evaluations", [1, 2, 7, 16, 50])
@pytest.mark.parametrize("name", ["UNet", "GrownUNet"])
def test_straight_lines_are_drawn_by_eulers_method(javascript, name, evaluations):
    net, label = NETWORKS[name], hidden(NETWORKS[name]) and 3
    x = noise_for(net)
    code = "(net, {x, n, label}) => net.sample(Float32Array.from(x), n, label ?? undefined)"
    found = javascript(code, kept(net), x=x.flatten().tolist(), n=evaluations, label=label)
    assert error_of(found, euler(net, x, evaluations, label)) < 1e-4


@pytest.mark.parametrize("evaluations", [1, 2, 7, 16, 50])
@pytest.mark.parametrize("predicts", ["v", "eps"])
def test_v_and_eps_are_drawn_by_ddim(javascript, predicts, evaluations):
    net, x = NETWORKS["UNet"], noise_for(NETWORKS["UNet"])
    model = NoiseFromVelocity(net, SCHEDULE) if predicts == "v" else net
    steps = list(ddim(model, x[None], SCHEDULE, evaluations))
    code = "(net, {x, n}) => [...net.steps(Float32Array.from(x), n)]"
    found = javascript(code, kept(net, predicts), x=x.flatten().tolist(), n=evaluations)
    assert [step["t"] for step in found] == [t for t, _, _ in steps]
    for step, (_, xt, x0) in zip(found, steps, strict=True):
        assert error_of(step["xt"], xt) < 3e-3
        # NoiseFromVelocity goes by way of eps, which costs torch digits of x0 where noise is all.
        assert error_of(step["x0"], x0) < 3e-3
    drawn = javascript(
        "(net, {x, n}) => net.sample(Float32Array.from(x), n)",
        kept(net, predicts), x=x.flatten().tolist(), n=evaluations,
    )  # fmt: skip
    assert error_of(drawn, last(iter(steps))) < 3e-3


def test_steps_tell_what_was_seen_and_guessed(javascript):
    net, x = NETWORKS["UNet"], noise_for(NETWORKS["UNet"])
    code = "(net, {x}) => [...net.steps(Float32Array.from(x), 4)]"
    found = javascript(code, kept(net), x=x.flatten().tolist())
    assert [step["t"] for step in found] == [1, 0.75, 0.5, 0.25]
    assert [step["told"] for step in found] == [999, 749, 500, 250]
    assert error_of(found[0]["seen"], x) < 1e-6
    for before, step in zip(found, found[1:]):
        assert step["seen"] == before["xt"]
    for step in found:
        seen = torch.tensor(step["seen"]).view_as(x)
        guess = seen.flatten() - step["t"] * answer(net, seen, step["told"])
        assert error_of(step["x0"], guess) < 1e-4


REPAIR = """(net, {x, sketch, strength}) => {
    const options = {sketch: Float32Array.from(sketch), strength};
    return [...net.steps(Float32Array.from(x), 5, options)];
}"""


def test_a_sketch_is_repaired_from_the_noise_that_strength_says(javascript):
    net, x, sketch = NETWORKS["UNet"], noise_for(NETWORKS["UNet"]), noise_for(NETWORKS["UNet"], 1)
    given = {"x": x.flatten().tolist(), "sketch": sketch.flatten().tolist(), "strength": 0.6}
    found = javascript(REPAIR, kept(net), **given)
    mixed = 0.4 * sketch + 0.6 * x
    assert error_of(found[0]["seen"], mixed) < 1e-5
    assert error_of(found[-1]["xt"], euler(net, mixed, 5, None, strength=0.6)) < 1e-4
    found = javascript(REPAIR, kept(net, "v"), **given)
    assert [step["t"] for step in found] == [599, 479, 359, 239, 119]
    mixed = add_noise(sketch[None], x[None], SCHEDULE.alpha_bar[[599]])
    assert error_of(found[0]["seen"], mixed) < 1e-5


def test_the_schedule_is_the_courses(javascript):
    found = torch.tensor(javascript("() => cosineSchedule"))
    torch.testing.assert_close(found, SCHEDULE.alpha_bar, rtol=1e-5, atol=0)


def test_numbers_of_16_bits_are_read_exactly(javascript):
    halves = torch.arange(2**16, dtype=torch.int32).to(torch.uint16).view(torch.float16)
    finite = halves.isfinite()
    found = javascript("() => Array.from({length: 65536}, (_, h) => halfToFloat(h))")
    expected = halves[finite].double().tolist()
    assert [v for v, ok in zip(found, finite.tolist()) if ok] == expected


def test_a_wrong_letter_in_the_weights_is_noticed(javascript):
    content = kept(NETWORKS["UNet"])
    middle = len(content["base64"]) // 2
    other = "A" if content["base64"][middle] != "A" else "B"
    content["base64"] = content["base64"][:middle] + other + content["base64"][middle + 1 :]
    code = "(_, {content}) => { try { unpack(content); } catch (e) { return e.message; } }"
    assert javascript(code, content=content) == "the weights are damaged"
