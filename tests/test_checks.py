"""The engine: right answers are accepted, known mistakes are named, nothing is lost."""

import inspect
import random
import threading
import time

import numpy
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.nn import functional as F
from traitlets.config import Config

from course_utils import checks
from course_utils.checks import EXERCISES, check, grade, notebook
from course_utils.checks import broken_cell as cell
from course_utils.checks.engine.compare import difference
from course_utils.checks.engine.crash import Crash
from course_utils.checks.engine.fake_device import FAKE_DEVICE, FakeDeviceMode
from course_utils.checks.engine.probe import device_mismatch
from course_utils.checks.engine.recognise import observe
from course_utils.checks.engine.sandbox import TimeUp, run_apart
from course_utils.checks.engine.weights import fill
from course_utils.embedding import TimeEmbedding, frequencies, sinusoidal_embedding

MISTAKES = [(e.id, i) for e in EXERCISES.values() for i in range(len(e.catalogue))]
RIGHT = [(e.id, i) for e in EXERCISES.values() for i in range(len(e.also_right))]


# Every exercise


@pytest.mark.parametrize("id", EXERCISES)
def test_exercise_is_complete(id):
    exercise = EXERCISES[id]
    assert exercise.id == id and exercise.title and exercise.look
    assert exercise.notebook.startswith(f"{int(id.split('.')[0]):02}_")
    assert len(exercise.mistakes) >= 4
    assert len(exercise.also_right) >= 3
    assert all(mistake.why for mistake in exercise.catalogue)


@pytest.mark.parametrize("id", EXERCISES)
def test_reference_is_correct_and_twice_the_same(id):
    exercise = EXERCISES[id]
    assert grade(id, exercise.reference).outcome == "correct"
    seen = [observe(exercise, exercise.reference).seen for _ in range(2)]
    assert not any(isinstance(s.value, Crash) for s in seen[0])
    assert all(s.value for s in seen[0] if s.what.startswith("follows its input"))
    assert [difference(a.value, b.value) for a, b in zip(*seen)] == [None] * len(seen[0])


@pytest.mark.parametrize("id", [id for id, exercise in EXERCISES.items() if exercise.patient])
def test_untouched_patient_is_not_attempted(id):
    exercise = EXERCISES[id]
    verdict = grade(id, exercise.patient.attempt)
    assert (verdict.outcome, verdict.mistake) == ("not attempted", None)
    assert "You haven't changed anything yet." in verdict.message


@pytest.mark.parametrize("id, i", RIGHT)
def test_other_right_answer_is_accepted(id, i):
    verdict = grade(id, EXERCISES[id].also_right[i])
    assert verdict.outcome == "correct", verdict.message


@pytest.mark.parametrize("id, i", MISTAKES, ids=lambda v: str(v))
def test_mistake_is_refused_and_named(id, i):
    mistake = EXERCISES[id].catalogue[i]
    verdict = grade(id, mistake.attempt)
    assert verdict.outcome in ("not yet", "crashed"), mistake.name
    assert verdict.mistake == mistake.name
    assert verdict.message.startswith(f"{id} not yet. ")
    assert verdict.message.endswith(mistake.why)


# A reader's code of any kind


def returning(value):
    return lambda *args: value


def endless(t, dim):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def raises_with_numbers(emb):
    rows = emb.T
    return emb + rows


@pytest.mark.parametrize(
    "attempt, words",
    [
        (None, "it got None"),
        (torch.zeros(3), "it got a tensor of shape (3,)"),
        (TimeEmbedding, "it got the class TimeEmbedding"),
        (returning(None), "expected a tensor of shape (5, 5), float32, got None"),
        (returning((1, 2)), "got a tuple of 2"),
        (lambda emb: (emb @ emb.T).double(), "expected dtype float32, got float64"),
        (lambda emb: emb[:, :1] @ emb[:1], "expected shape (5, 5), got (5, 3)"),
        (lambda emb: emb @ emb.T / 0, "NaN or infinite"),
        (lambda emb: 2 * EXERCISES["1.3"].reference(emb), "they are 2 times"),
        (lambda emb: 1 + EXERCISES["1.3"].reference(emb), "each is off by 1"),
        (lambda emb: -EXERCISES["1.3"].reference(emb), "the sign is the wrong way round"),
        (lambda emb: EXERCISES["1.3"].reference(emb).flip(0), "in another order"),
        (lambda emb: torch.zeros(len(emb), len(emb)), "all of them are zero"),
    ],
)
def test_wrong_result_is_described(attempt, words):
    verdict = grade("1.3", attempt)
    assert verdict.outcome == "not yet"
    assert verdict.mistake is None
    assert words in verdict.message


@pytest.mark.parametrize(
    "attempt, tip",
    [
        (returning(None), "end with a return"),
        (returning(numpy.zeros(3)), "Return a torch tensor."),
        (returning((torch.zeros(5), torch.zeros(5))), "torch.cat"),
        (lambda emb: (emb @ emb.T).double(), ".to(torch.float32)"),
        (lambda emb: emb, "Print the shapes"),
        (lambda emb: torch.full((len(emb), len(emb)), 0.3), EXERCISES["1.3"].look),
    ],
)
def test_tip_fits_what_is_wrong(attempt, tip):
    message = grade("1.3", attempt).message
    assert tip in message
    assert (EXERCISES["1.3"].look in message) == (tip == EXERCISES["1.3"].look)


def test_result_left_on_the_cpu_is_named():
    def attempt(t, dim, max_period=10_000.0):
        return sinusoidal_embedding(t.cpu(), dim, max_period)

    assert "stops on a GPU" in grade("1.2", attempt).message


def test_exception_is_shown_with_line_and_shapes():
    verdict = grade("1.3", raises_with_numbers)
    assert verdict.outcome == "crashed"
    assert "Line 3 of your raises_with_numbers, `return emb + rows`" in verdict.message
    assert "emb = float32 (5, 3)" in verdict.message
    assert "rows is (3, 5)" in verdict.message


def test_wrong_signature_is_shown():
    verdict = grade("1.3", lambda a, b: a)
    assert verdict.outcome == "crashed"
    assert "missing 1 required positional argument: 'b'" in verdict.message


def test_error_inside_a_library_is_traced_to_the_readers_line():
    def attempt(emb):
        return F.linear(emb, emb.T)

    verdict = grade("1.3", attempt)
    assert "Line 2 of your attempt, `return F.linear(emb, emb.T)`" in verdict.message


def test_endless_loop_ends(monkeypatch):
    monkeypatch.setattr("course_utils.checks.engine.grading.SECONDS", 0.3)
    verdict = grade("1.2", endless)
    assert verdict.outcome == "crashed"
    assert "stopped after 0.3 seconds" in verdict.message


def test_endless_loop_ends_in_another_thread(monkeypatch):
    monkeypatch.setattr("course_utils.checks.engine.grading.SECONDS", 0.3)
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(grade("1.2", endless)))
    thread.start()
    thread.join()
    assert verdicts[0].outcome == "crashed"


def test_time_that_is_up_at_the_last_moment_harms_nobody():
    def spin():
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end:
            pass
        return 7

    outcomes = set()
    for _ in range(100):
        try:
            outcomes.add(run_apart(spin, 0.001))
        except TimeUp:
            outcomes.add("time up")
    assert outcomes <= {7, "time up"}
    assert sum(range(10_000)) == 49_995_000  # what came late would be raised here


def test_code_that_cannot_be_stopped_is_left_behind(monkeypatch):
    monkeypatch.setattr("course_utils.checks.engine.sandbox.PATIENCE", 1)
    enough = threading.Event()

    def stubborn():
        while not enough.is_set():
            try:
                time.sleep(0.01)
            except BaseException:
                pass

    with pytest.raises(TimeUp):
        run_apart(stubborn, 0.1)
    enough.set()


def test_what_runs_apart_returns_and_raises_as_anywhere():
    assert run_apart(lambda: 7, 1) == 7
    with pytest.raises(KeyError, match="here"):
        run_apart(lambda: {}["here"], 1)


def test_exit_is_caught():
    assert grade("1.3", lambda emb: exit()).outcome == "crashed"


def test_endless_recursion_is_caught():
    def attempt(emb):
        return attempt(emb)

    assert "RecursionError" in grade("1.3", attempt).message


def test_input_changed_in_place_is_named():
    def attempt(emb):
        emb /= emb.norm(dim=1, keepdim=True)
        return emb @ emb.T

    verdict = grade("1.3", attempt)
    assert verdict.outcome == "not yet"
    assert "changes its input: emb is different" in verdict.message


def test_unused_parameter_is_named():
    class Attempt(TimeEmbedding):
        def __init__(self, dim):
            super().__init__(dim)
            self.spare = nn.Linear(2, 2)

    assert "No gradient reaches spare.weight, spare.bias." in grade("1.4", Attempt).message


def test_cut_gradient_is_named():
    class Attempt(TimeEmbedding):
        def forward(self, t):
            return super().forward(t).detach()

    assert "No gradient reaches linear.weight" in grade("1.4", Attempt).message


def test_class_that_is_no_module():
    class Attempt:
        def __init__(self, dim):
            pass

    assert "no nn.Module" in grade("1.4", Attempt).message


def test_instance_instead_of_class():
    assert "Give it the name alone" in grade("1.4", TimeEmbedding(8)).message


def test_tensor_left_on_the_cpu_is_named():
    class Attempt(TimeEmbedding):
        def __init__(self, dim):
            super().__init__(dim)
            self.omega = frequencies(dim)  # no buffer, so .to(device) leaves it behind

        def forward(self, t):
            angles = t.float()[:, None] * self.omega
            return F.silu(self.linear(torch.cat([angles.sin(), angles.cos()], dim=1)))

    assert "On a GPU your code would stop" in grade("1.4", Attempt).message


# Stubs


def test_stub_is_not_attempted():
    def stub(emb):
        """Any text."""
        raise NotImplementedError

    verdict = grade("1.3", stub)
    assert verdict.outcome == "not attempted"
    assert str(verdict) == "1.3 not attempted. The notebook goes on with the reference."


def test_stub_of_a_class_is_not_attempted():
    class Stub(nn.Module):
        def __init__(self, dim):
            super().__init__()

        def forward(self, t):
            raise NotImplementedError("exercise 1.4")

    assert grade("1.4", Stub).outcome == "not attempted"


def test_forgotten_forward_is_no_stub():
    class Attempt(nn.Module):
        def __init__(self, dim):
            super().__init__()

    verdict = grade("1.4", Attempt)
    assert verdict.outcome == "crashed"
    assert 'missing the required "forward"' in verdict.message


# The state of the world


def test_global_state_is_as_it_was():
    def attempt(emb):
        torch.manual_seed(3)
        numpy.random.seed(3)
        random.seed(3)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        print("noise")
        raise ValueError("left in a hurry")

    before = torch.random.get_rng_state(), numpy.random.get_state()[1].copy(), random.getstate()
    grade("1.3", attempt)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert (numpy.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.zeros(1).device.type == "cpu"


def test_grading_works_under_no_grad_and_prints_nothing(capsys):
    with torch.no_grad():
        assert grade("1.4", TimeEmbedding).outcome == "correct"
        assert not torch.is_grad_enabled()

    def attempt(emb):
        print("here I am")
        return emb

    grade("1.3", attempt)
    assert capsys.readouterr() == ("", "")


# Weights by shape


def test_fill_depends_on_shape_alone():
    linear, conv = nn.Linear(6, 4), nn.Conv2d(6, 4, 1)
    fill(linear)
    fill(conv)
    x = torch.randn(5, 6)
    assert torch.equal(linear.weight, conv.weight.flatten(1))
    torch.testing.assert_close(linear(x), conv(x[:, :, None, None])[:, :, 0, 0])


def test_fill_tells_scale_from_bias():
    norm, plain = nn.BatchNorm2d(64), nn.Linear(2, 64)
    fill(norm)
    fill(plain)
    assert abs(norm.weight.mean() - 1) < 0.1 and abs(norm.bias.mean()) < 0.1
    assert torch.equal(norm.bias, plain.bias)


# What a reader calls


def test_check_returns_the_attempt_or_the_reference(capsys):
    def attempt(emb):
        return F.normalize(emb, dim=1) @ F.normalize(emb, dim=1).T

    assert check("1.3", attempt) is attempt
    assert check("1.3", lambda emb: emb) is EXERCISES["1.3"].reference
    assert capsys.readouterr().out.startswith("1.3 correct.\n1.3 not yet. ")


def test_reference_that_an_earlier_check_handed_on_is_not_praised(capsys, monkeypatch):
    monkeypatch.setattr(checks, "ATTEMPTS", {})

    def frequencies(dim, max_period=10_000.0):
        return torch.zeros(dim // 2)

    handed_on = check("1.1", frequencies)
    assert check("1.1", handed_on) is handed_on
    told = capsys.readouterr().out
    assert "1.1 not attempted. This is the course's own frequencies" in told
    assert "correct" not in told


def test_unknown_exercise_is_a_sentence(capsys):
    assert check("9.99", frequencies) is frequencies
    assert capsys.readouterr().out.startswith("There is no exercise '9.99'. The course has 0.1")
    assert grade("9.99", frequencies).outcome == "not attempted"


def test_solution_shows_the_difference(capsys, monkeypatch):
    monkeypatch.setattr(checks, "ATTEMPTS", {})

    def similarity(emb):
        # a comment that does not count
        unit = F.normalize(emb, dim=1)
        return unit @ unit.T

    code = notebook.source(EXERCISES["1.3"].reference)
    checks.solution_magic("1.3", code)
    assert capsys.readouterr().out == "Solution 1.3: correct. Yours is not written yet.\n"
    check("1.3", similarity)
    capsys.readouterr()
    checks.solution_magic("1.3", code)
    out = capsys.readouterr().out
    assert "-    unit = F.normalize(emb, dim=1)" in out
    assert "+    unit = emb / emb.norm(dim=1, keepdim=True)" in out
    assert "comment that" not in out
    checks.ATTEMPTS.clear()  # else the reference would be what an earlier check handed on
    check("1.3", EXERCISES["1.3"].reference)
    capsys.readouterr()
    checks.solution_magic("1.3", code)
    assert capsys.readouterr().out == "Solution 1.3: correct. Yours is the same.\n"


def test_solution_leaves_the_readers_names_alone():
    mine = sinusoidal_embedding
    checks.solution_magic("1.3", notebook.source(EXERCISES["1.3"].reference))
    assert sinusoidal_embedding is mine


def test_verdict_is_shown_as_html_with_its_text_escaped():
    shown = notebook.Notice("1.3 not yet. a < b", "not yet")
    assert repr(shown) == "1.3 not yet. a < b"
    assert "✘ 1.3 not yet. a &lt; b" in shown._repr_html_()


# Cells that define nothing


@pytest.fixture
def shell():
    """A notebook's Python, with the course's exercises."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    cell.guard(shell, {"similarity", "TimeEmbedding"})
    yield shell
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    "code, words",
    [
        ("def similarity(emb):\n    return (emb @ emb.T\n", "Line 2 of this cell is not Python"),
        ("def similarity(emb):\nreturn emb\n", "expected an indented block"),
        ("def similarity(emb)\n    return emb\n", "It reads `def similarity(emb)`."),
        ("def similarity(emb=lost):\n    return emb\n", "raised NameError: name 'lost' is not"),
    ],
)
def test_cell_that_defines_nothing_gets_a_sentence(shell, capsys, code, words):
    assert shell.run_cell(code).success
    verdict = grade("1.3", shell.user_ns["similarity"])
    assert verdict.outcome == "crashed"
    assert words in verdict.message
    assert words in capsys.readouterr().out
    assert check("1.3", shell.user_ns["similarity"]) is EXERCISES["1.3"].reference


def test_class_that_fails_as_it_is_made_gets_a_sentence(shell):
    code = "from torch import nn\nclass TimeEmbedding(nn.Modul):\n    pass\n"
    assert shell.run_cell(code).success
    assert "has no attribute 'Modul'" in grade("1.4", shell.user_ns["TimeEmbedding"]).message


def test_other_cells_are_left_alone(shell):
    assert not shell.run_cell("def other(:\n    pass\n").success
    assert not shell.run_cell("1 / 0").success
    assert shell.run_cell("def similarity(emb):\n    return emb + 1\n").success
    assert shell.user_ns["similarity"](1) == 2
    assert notebook.source(shell.user_ns["similarity"]) == (
        "def similarity(emb):\n    return emb + 1\n"
    )


def test_module_left_in_eval_mode_is_named():
    class Attempt(TimeEmbedding):
        def forward(self, t):
            self.linear.eval()
            return super().forward(t)

    assert "Your forward leaves linear in eval mode" in grade("1.4", Attempt).message


def test_seed_that_is_set_is_named():
    def attempt(emb):
        torch.manual_seed(0)
        return EXERCISES["1.3"].reference(emb)

    assert "sets torch's random seed" in grade("1.3", attempt).message


def test_forgotten_super_init_is_named():
    class Attempt(nn.Module):
        def __init__(self, dim):
            self.dim = dim

    assert "never calls super().__init__()" in grade("1.4", Attempt).message


def test_a_module_may_keep_something_of_its_last_call():
    class Attempt(EXERCISES["8.2"].reference):
        def weights(self, x):
            self.last = super().weights(x)
            self.all = [self.last]
            return self.last

    assert grade("8.2", Attempt).outcome == "correct"


# Whatever a stranger's code does, in every exercise


def spoiled(reference, spoil):
    """The reference with its results spoiled: those of a class's main method, of the module made,
    its own, or what it changes in place."""
    if inspect.isclass(reference):
        plain = [
            name for name in ("__call__", "sample_sigmas", "predict_x0") if name in vars(reference)
        ]
        main = "forward" if issubclass(reference, nn.Module) else plain[0]

        def answer(self, *args):
            return spoil(getattr(reference, main)(self, *args))

        return type("Spoiled", (reference,), {main: answer})

    def wrong(*args, **more):
        made = reference(*args, **more)
        if isinstance(made, nn.Module):
            return Around(made, spoil)
        return spoil(list(made) if inspect.isgenerator(made) else made)

    def wrong_weights(changed, *args):
        """What it changes is spoiled, the weights of a network, or they are as they were."""
        weights = [p.data for p in getattr(changed, "model", changed).parameters()]
        before = [w.clone() for w in weights]
        reference(changed, *args)
        made = spoil(weights)
        for w, new in zip(weights, made if isinstance(made, list) else before):
            w.copy_(new)
        return None if isinstance(made, list) else made

    def wrong_file(write, path):
        return reference(lambda file: file.write(str(spoil(1.0)).encode()), path)

    in_place = {
        "update_average": wrong_weights,
        "take_step": wrong_weights,
        "write_whole": wrong_file,
    }
    return in_place.get(reference.__name__, wrong)


class Around(nn.Module):
    def __init__(self, inner, spoil):
        super().__init__()
        self.inner, self.spoil = inner, spoil

    def forward(self, *args):
        return self.spoil(self.inner(*args))


def each_tensor(function):
    def spoil(value):
        if isinstance(value, (list, tuple)):
            return type(value)(spoil(v) for v in value)
        return function(value) if isinstance(value, (torch.Tensor, int, float)) else value

    return spoil


def raising(value):
    raise ValueError("of my own")


def sleeping(value):
    while True:
        time.sleep(0.01)


SPOILS = {
    "returns None": lambda value: None,
    "returns a tuple": lambda value: (value, value),
    "returns text": lambda value: "done",
    "raises": raising,
    "loops for ever": sleeping,
    "is NaN": each_tensor(lambda x: x * float("nan")),
    "is twice as large": each_tensor(lambda x: 2 * x + 1),
    "sets the seed": lambda value: (torch.manual_seed(3), value)[1],
}


@pytest.mark.parametrize("how", SPOILS)
@pytest.mark.parametrize("id", EXERCISES)
def test_strangers_code_gets_a_sentence(id, how, monkeypatch):
    if how == "loops for ever":
        grade(id, EXERCISES[id].reference)  # so that what is expected is known: that takes time
        monkeypatch.setattr("course_utils.checks.engine.grading.SECONDS", 0.5)
    state = torch.random.get_rng_state()
    verdict = grade(id, spoiled(EXERCISES[id].reference, SPOILS[how]))
    assert verdict.outcome in ("not yet", "crashed"), verdict.message
    assert verdict.message.startswith(f"{id} not yet. ") and verdict.message[-1] in ".?)"
    assert len(verdict.message) > 40
    if how in ("raises", "loops for ever"):
        assert verdict.outcome == "crashed"
    if how == "is NaN":
        assert "nan" in verdict.message.lower()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_layer_of_the_notebook_in_place_of_ones_own_is_named():
    assert "uses conv1 of the notebook" in grade("2.3", Astray).message


def conv1(x):
    return torch.zeros(len(x), 5, *x.shape[2:])


class Astray(EXERCISES["2.3"].reference):
    def forward(self, x, temb):
        return self.conv2(conv1(x) + self.time_proj(temb)[:, :, None, None])


@pytest.mark.parametrize(
    "returned, words",
    [
        (None, "returns None; a module is asked for. Is a return missing?"),
        ([nn.Identity()], "Put the layers into nn.Sequential(...)."),
        (nn.Identity, "Brackets behind its name are missing"),
    ],
)
def test_function_that_returns_no_module(returned, words):
    assert words in grade("2.4", lambda in_ch, out_ch: returned).message


def test_class_where_a_function_is_asked_for():
    assert "it got the class TimeEmbedding. Write def and a return." in (
        grade("2.4", TimeEmbedding).message
    )


def test_list_of_the_caller_changed_in_place_is_named():
    class Attempt(EXERCISES["3.4"].reference):
        def __init__(self, in_ch, chs, time_dim):
            super().__init__(in_ch, chs, time_dim)
            chs.reverse()

    message = grade("3.4", Attempt).message
    assert "changes its input: chs is different" in message
    assert "list(reversed(chs)), not chs.reverse()" in message


def test_skips_may_be_taken_out_of_their_list():
    class Attempt(EXERCISES["4.5"].reference):
        def forward(self, x, skips, temb):
            return super().forward(x, [skips.pop(0) for _ in self.ups], temb)

    assert grade("4.5", Attempt).outcome == "correct"


@pytest.mark.parametrize(
    "code, tip",
    [
        ("emb.zqx()", "Is the name spelled the same"),
        ("emb.sqroot()", "did you mean `sqrt`?"),
        ("[3].reverse() + emb", "append, reverse and sort change a list"),
        ("emb.sum(dmi=1)", "Compare the call"),
        ("reversed([1])[0]", "Make it a list first"),
        ("1 / (2 ^ 2) * emb", "2^i isn't"),
        ("[1][2]", "length of the list"),
        ("emb[:2] + emb[:3]", "Print the shapes"),
        ("(1.0).sqrt()", "plain number"),
        ("nn.Sequential(nn.SiLU)", "lacks its brackets"),
        ("unknown", "made or imported before"),
        ("emb.sum + 1", "lacks its ()"),
    ],
)
def test_advice_fits_the_kind_of_error(code, tip):
    attempt = eval(f"lambda emb: {code}", {"torch": torch, "nn": nn})
    verdict = grade("1.3", attempt)
    assert verdict.outcome == "crashed" and tip in verdict.message


def test_sampler_without_a_yield_is_named():
    assert (
        "0 steps come out of your sampler" in grade("5.4", lambda model, xT, schedule: None).message
    )


def unclipped_with_its_schedule_brought_along(model, xT, schedule, steps=50, eta=0.0):
    bars, xt = schedule.alpha_bar.to(xT.device), xT
    times = [round(schedule.T * (1 - i / steps)) - 1 for i in range(steps)]
    for t, after in zip(times, [*times[1:], None]):
        with torch.no_grad():
            eps = model(xt, t)
        bar, new = bars[t], torch.ones(()) if after is None else bars[after]
        x0 = (xt - (1 - bar).sqrt() * eps) / bar.sqrt()
        sigma = eta * ((1 - new) / (1 - bar)).sqrt() * (1 - bar / new).sqrt()
        xt = new.sqrt() * x0 + (1 - new - sigma**2).clamp(min=0).sqrt() * eps
        xt = xt + sigma * torch.randn_like(xt) if eta else xt
        yield t, xt, x0


def test_mistake_is_named_whether_or_not_a_gpu_would_stop_it():
    assert grade("5.5", unclipped_with_its_schedule_brought_along).mistake == "x0 not clipped"


def test_sampler_that_keeps_gradients_is_named():
    def attempt(*args):
        return EXERCISES["5.4"].reference.__wrapped__(*args)

    assert "Leave @torch.no_grad()" in grade("5.4", attempt).message


def test_loss_that_calls_backward_is_named():
    def attempt(*args):
        loss = EXERCISES["5.3"].reference(*args)
        loss.backward()
        return loss

    assert "calls backward() itself" in grade("5.3", attempt).message


def test_exception_in_place_of_the_models_own_is_named():
    def attempt(model, *inputs):
        try:
            return EXERCISES["6.1"].reference(model, *inputs)
        except Exception:
            raise RuntimeError("it failed") from None

    assert "raises an exception of its own" in grade("6.1", attempt).message


def test_two_time_embeddings_are_named():
    class Attempt(EXERCISES["5.1"].reference):
        def __init__(self, in_ch=1, base_ch=64, ch_mult=(1, 2, 4, 8), time_dim=256):
            super().__init__(in_ch, base_ch, ch_mult, time_dim)
            self.second = TimeEmbedding(time_dim)

        def forward(self, x, t):
            t = torch.as_tensor(t).expand(len(x))
            bottom, skips = self.encoder(x, self.time(t))
            return self.decoder(bottom, skips, self.second(t))

    assert "2 time embeddings: time, second" in grade("5.1", Attempt).message


def outside(step, config):
    return config["lr"]


def misspelled(dim, max_period=1.0):
    return torch.zero(dim)


class NoBrackets(torch.nn.Module):
    def __init__(self, *sizes):
        super.__init__()


@pytest.mark.parametrize(
    "id, attempt, words",
    [
        ("7.2", outside, "after a dot: config.lr"),
        ("1.1", misspelled, "did you mean `zeros`?"),
        (
            "1.1",
            lambda dim, max_period=1.0: print(dim).mean(),
            "like every function without a return",
        ),
        ("0.1", lambda x0, eps, alpha_bar: x0[alpha_bar], ".long() makes it one"),
        ("2.5", NoBrackets, "two pairs of brackets"),
        ("2.5", lambda in_ch, out_ch, time_dim: None, "Write class, and def inside."),
    ],
)
def test_an_exception_gets_advice_that_fits(id, attempt, words):
    assert words in grade(id, attempt).message


def test_a_repair_that_stops_as_before_is_told_so():
    class Renamed(EXERCISES["6.4"].patient.attempt):
        pass

    assert "still stops where the broken one stops" in grade("6.4", Renamed).message


def test_results_that_are_nan_in_the_same_places_agree():
    one, nan = torch.tensor([1.0, 2.0]), torch.tensor([1.0, float("nan")])
    assert difference(nan, nan.clone()) is None
    assert difference(one, nan) == "1 of 2 values are NaN or infinite"
    assert difference(nan, one) and difference(nan, 2 * nan)


def test_check_says_what_the_notebook_goes_on_with(capsys):
    check("1.3", lambda emb: emb)
    assert capsys.readouterr().out.endswith("the notebook goes on with the reference.)\n")


def on_the_generators_device(N, U, LA, mean, generator):
    z = torch.randn(N, len(LA), generator=generator, device=U.device)
    return mean + (z * LA.sqrt()) @ U.T


def loop_in_brackets(emb):
    parts = [row + emb[:, :1] @ emb for row in emb]
    return torch.stack(parts)


def asking_for_gradients(emb):
    emb.requires_grad_()
    return (F.normalize(emb, dim=1) @ F.normalize(emb, dim=1).T).detach()


def without_self(self, xt, alpha_bar):
    return xt.flatten(1) @ U.T


def levels_first(self, xt, alpha_bar):
    kept = EXERCISES["9.2"].reference
    shrink = kept
    return shrink(alpha_bar, self.LA) * xt.flatten(1)


U = torch.eye(256)


def wiener_with(predict_x0):
    return type("WienerDenoiser", (EXERCISES["9.3"].reference,), {"predict_x0": predict_x0})


@pytest.mark.parametrize(
    "id, attempt, words",
    [
        ("1.3", loop_in_brackets, "Line 2 of your loop_in_brackets"),
        ("9.1", lambda *args: EXERCISES["9.1"].reference(args[0], "cuda", 3, 1), "write device"),
        ("9.2", lambda LA, a: LA if LA == 0 else a, "torch.where chooses for each"),
        ("9.2", lambda LA, a: LA * float(a), "one number for each picture. Leave it a tensor"),
        ("9.2", lambda LA, a: EXERCISES["9.2"].reference(LA, a.double()), "The result is float64"),
        ("9.2", lambda LA, a: EXERCISES["9.2"].reference(LA, a.clamp(0, 0.999)), "clipped"),
        ("9.3", wiener_with(without_self), "Those of the denoiser are self.U"),
        ("9.3", wiener_with(levels_first), "shrink takes LA first"),
        ("1.3", asking_for_gradients, "Clone a tensor before you call requires_grad_() on it"),
        ("9.4", lambda N, U, LA, mean, g: g.randn(N, 5), "A generator draws nothing itself"),
        ("9.4", lambda N, U, LA, mean, g: torch.randn(N, 5, g), "by its name"),
        ("9.4", lambda N, U, LA, mean, g: print(N), "end with a return"),
        ("9.4", lambda *args: list(EXERCISES["9.4"].reference(*args)), "torch.stack"),
        ("9.4", on_the_generators_device, "the numbers are drawn on the CPU"),
        ("9.6", lambda xt, a, x, chunk=1: xt.double().flatten(1) @ xt.flatten(1).T, "one dtype"),
    ],
)
def test_slip_gets_the_sentence_that_is_meant_for_it(id, attempt, words):
    verdict = grade(id, attempt)
    assert verdict.mistake is None and words in verdict.message, verdict.message


def changed_abroad_then_mixed(x):
    x = x.clone()
    x.add_(1)
    x[0] = 2
    return x + torch.zeros(3)


def changed_there(x):
    x = x.clone()
    x += 1
    x[1:] = 0
    return x + torch.zeros(3, device=x.device)


def by_way_of_the_cpu(x):
    return torch.from_numpy(x.cpu().add_(1).numpy()).to(x)


@pytest.mark.parametrize(
    "attempt, stops",
    [
        (changed_there, False),
        (by_way_of_the_cpu, False),
        (changed_abroad_then_mixed, True),
        (lambda x: x.cpu(), True),
        (lambda x: torch.rand(3, device=x.device, generator=torch.Generator()), True),
    ],
)
def test_what_a_gpu_would_stop_is_seen_without_one(attempt, stops):
    with FakeDeviceMode():
        assert bool(device_mismatch(attempt, torch.ones(3).to(FAKE_DEVICE))) == stops
