"""my_unet.py: what passed its check is kept, nothing is lost, and the file works by itself."""

import inspect
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
import torch

from course_utils import portfolio
from course_utils.checks import EXERCISES, check, grade
from course_utils.checks.engine.grading import grade_exercise

FILE = Path(portfolio.FILE)
HELPER = "def helper(dim):\n    return torch.arange(dim // 2)\n"
RIGHT = """
def frequencies(dim, max_period=10_000.0):
    n = dim // 2
    return max_period ** -(torch.arange(n) / (n - 1))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cell(monkeypatch, tmp_path):
    """Run code as a cell of a notebook does: in a module whose functions have a source."""

    def run(code, **names):
        module = types.ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", module)
        file = tmp_path / f"cell_{abs(hash(code))}.txt"
        file.write_text(textwrap.dedent(code))
        vars(module).update({"torch": torch, **names})
        exec(compile(file.read_text(), str(file), "exec"), vars(module))
        return module

    return run


def text():
    return FILE.read_text()


def passes(id):
    return lambda part: grade_exercise(EXERCISES[id], part).outcome == "correct"


def keep(id, attempt):
    return portfolio.keep(EXERCISES[id].reference, attempt, passes(id))


def alone(code):
    """Run code in a Python that does not know the course."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_numbers_are_those_of_the_exercises():
    numbers = {e.reference.__name__: id for id, e in EXERCISES.items()}
    for name, number in portfolio.NUMBERS.items():
        assert numbers.get(name, "") == number
        if number:
            assert EXERCISES[number].reference is portfolio.REFERENCES[name]


def test_every_right_answer_to_a_part_can_be_kept(monkeypatch):
    for id, exercise in EXERCISES.items():
        if portfolio.is_part(exercise.reference):
            for attempt in [exercise.reference, *exercise.also_right]:
                assert keep(id, attempt) == portfolio.KEPT, (id, attempt)
    assert len(portfolio.mine_in(text())) == sum(bool(n) for n in portfolio.NUMBERS.values())
    out = alone(
        "import sys, torch, my_unet\n"
        "net, schedule = my_unet.UNet(1, 8, (1, 2), 16), my_unet.cosine_schedule()\n"
        "optimizer, images = torch.optim.AdamW(net.parameters()), torch.rand(9, 1, 8, 8)\n"
        "my_unet.training_step(net, optimizer, images, schedule, my_unet.noise_loss, batch=4)\n"
        "steps = my_unet.ddim(net.eval(), torch.randn(2, 1, 8, 8), schedule, steps=3)\n"
        "print(my_unet.last(steps).shape, 'course_utils' in sys.modules)\n"
    )
    assert out.strip() == "torch.Size([2, 1, 8, 8]) False"


def test_file_without_anything_of_the_readers_is_the_course(folder):
    (folder / "my_unet.py").write_text(portfolio.assemble({}))
    out = alone(
        "import torch, my_unet\n"
        "torch.manual_seed(0)\n"
        "print(my_unet.UNet(1, 8, (1, 2), 16).eval()(torch.ones(1, 1, 8, 8), 3).mean().item())"
    )
    torch.manual_seed(0)
    net = portfolio.REFERENCES["UNet"](1, 8, (1, 2), 16).eval()
    assert float(out) == pytest.approx(net(torch.ones(1, 1, 8, 8), 3).mean().item(), abs=1e-6)


def test_what_is_no_part_is_not_kept(folder):
    assert keep("1.3", EXERCISES["1.3"].reference) == ""
    assert not (folder / "my_unet.py").exists()


def test_imports_helpers_and_constants_come_along(cell):
    code = f"""
    import math
    import numpy as np
    from einops import rearrange as turn
    from torch.nn import functional
    LARGE = 10_000.0

    {textwrap.indent(HELPER, "    ").strip()}

    def mine(dim, max_period=LARGE):
        functional.relu(turn(torch.zeros(2, 3), "a b -> b a"))
        return torch.exp(-np.log(max_period) * helper(dim) / (dim / 2 - 1)).float()
    """
    assert keep("1.1", cell(code).mine) == portfolio.KEPT
    kept = portfolio.mine_in(text())["frequencies"]
    assert kept.startswith("import")
    for line in ["import numpy as np", "from einops import rearrange as turn", "LARGE = 10000.0",
                 "def helper(dim):", "frequencies = mine"]:  # fmt: skip
        assert line in kept
    assert "import math" not in kept and "import torch\n" not in kept
    assert alone("import my_unet; print(my_unet.frequencies(6).shape)").startswith(
        "torch.Size([3])"
    )


def test_a_failing_version_does_not_replace_a_passing_one(cell, capsys):
    mine = cell(RIGHT).frequencies
    assert check("1.1", mine) is mine
    before = text()
    assert check("1.1", lambda dim, max_period=1.0: torch.zeros(dim)) is not mine
    assert text() == before
    out = capsys.readouterr().out
    assert "1.1 correct. Kept in my_unet.py." in out and "1.1 not yet" in out


def test_a_newer_passing_version_does(cell):
    keep("1.1", cell(RIGHT).frequencies)
    keep("1.1", cell(RIGHT.replace("    n =", "    # newer\n    n =")).frequencies)
    assert "# newer" in text()
    assert text().count("def frequencies") == 1


def test_a_tensor_of_the_notebook_cannot_be_kept(cell):
    code = RIGHT.replace("torch.arange(n)", "table[:n]")
    told = keep("1.1", cell(code, table=torch.arange(99)).frequencies)
    assert told.startswith("Not kept in my_unet.py: it uses table, a tensor of shape (99,)")
    assert not FILE.exists()


def test_lambda_cannot_be_kept():
    told = keep("1.1", lambda d, p=1e4: p ** -(torch.arange(d // 2) / (d // 2 - 1)))
    assert "Write it with def or class" in told


def test_what_works_only_in_the_notebook_cannot_be_kept(cell):
    module = cell(RIGHT.replace("    n =", "    n = globals()['size'] or"), size=0)
    assert "does not pass" in keep("1.1", module.frequencies) or "Not kept" in keep(
        "1.1", module.frequencies
    )
    assert not FILE.exists()


def test_two_helpers_of_one_name_are_told(cell):
    one = HELPER + RIGHT.replace("torch.arange(n)", "helper(dim)")
    assert keep("1.1", cell(one).frequencies) == portfolio.KEPT
    two = """
    def helper(t):
        return t.float()

    def add_noise(x0, eps, alpha_bar):
        a = helper(alpha_bar)[:, None, None, None]
        return a.sqrt() * x0 + (1 - a).sqrt() * eps
    """
    told = keep("0.1", cell(two).add_noise)
    assert "your frequencies has another helper than this one" in told
    assert "add_noise" not in portfolio.mine_in(text())


def test_load_says_whose_the_parts_are(cell, capsys):
    course = portfolio.load()
    assert course.UNet is portfolio.REFERENCES["UNet"]
    assert "Yours, from my_unet.py: nothing yet." in capsys.readouterr().out
    keep("1.1", cell(RIGHT).frequencies)
    module = portfolio.load()
    out = capsys.readouterr().out
    assert "Yours, from my_unet.py: frequencies." in out
    assert "frequencies" not in out.splitlines()[1] and "ConvBlock (2.5)" in out.splitlines()[1]
    assert module.frequencies(6).shape == (3,)
    assert grade("1.2", module.sinusoidal_embedding).outcome == "correct"


@pytest.mark.parametrize(
    "damage, told",
    [
        (lambda text: text.replace("def frequencies(", "def frequencies((", 1), "is not Python"),
        (lambda text: text + "\nlost_name\n", "raises NameError"),
    ],
)
def test_a_damaged_file_is_told_and_left_alone(cell, capsys, damage, told):
    keep("1.1", cell(RIGHT).frequencies)
    broken = damage(text())
    FILE.write_text(broken)
    assert portfolio.load().UNet is portfolio.REFERENCES["UNet"]
    out = capsys.readouterr().out
    assert told in out and "goes on with the course's parts" in out
    if "NameError" not in told:
        assert told in keep("0.1", EXERCISES["0.1"].reference)
        assert text() == broken


def test_a_file_of_somebody_else_is_left_alone(folder, capsys):
    (folder / "my_unet.py").write_text("print('mine')\n")
    assert "was not written by this course" in keep("1.1", EXERCISES["1.1"].reference)
    portfolio.load()
    assert "was not written by this course" in capsys.readouterr().out
    assert (folder / "my_unet.py").read_text() == "print('mine')\n"


def test_an_interrupted_write_leaves_the_old_file(cell, monkeypatch):
    keep("1.1", cell(RIGHT).frequencies)
    before = text()

    def no_room(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", no_room)
    told = keep("0.1", EXERCISES["0.1"].reference)
    assert "Not kept in my_unet.py: my_unet.py cannot be read or written: no space left." in told
    assert text() == before


def test_a_part_that_was_taken_out_of_the_file_is_the_courses(cell):
    keep("1.1", cell(RIGHT).frequencies)
    FILE.write_text(text()[: text().index("# %% ConvBlock")])
    module = portfolio.load()
    assert module.UNet(1, 8, (1, 2), 16) and "pow" not in vars(module)
    assert "max_period ** -(" in text()


def test_an_empty_file_is_no_file(folder):
    (folder / "my_unet.py").write_text("")
    assert keep("1.1", EXERCISES["1.1"].reference) == portfolio.KEPT


def test_a_helper_named_like_a_part_of_the_course_is_told(cell):
    code = "def times(n):\n    return n\n" + RIGHT.replace("arange(n)", "arange(times(n))")
    assert "your times has the name of a part of the course" in keep("1.1", cell(code).frequencies)


def test_another_python_runs_the_file_alone(cell):
    keep("1.1", cell(RIGHT).frequencies)
    out = portfolio.run_alone()
    for loss in ("noise_loss", "velocity_loss"):
        assert f"trained with {loss} and drawn: (4, 1, 16, 16)" in out
    assert "course_utils imported: False" in out


EARLIER = """
class Downsample(nn.Conv2d):
    def __init__(self, ch):
        super().__init__(ch, ch, kernel_size=2, stride=2)
"""


@pytest.mark.parametrize("whose", ["mine, exercise 3.1", "the course's, exercise 3.1"])
def test_parts_of_an_earlier_edition_stay_in_the_file(cell, capsys, whose):
    keep("1.1", cell(RIGHT).frequencies)
    encoder = inspect.getsource(EXERCISES["3.4"].reference).replace("downsample", "Downsample")
    head, _, rest = text().partition("# %% frequencies")
    rest = rest[: rest.index("# %% downsample")]  # such a file knows none of the newer parts
    rest += f"# %% Downsample: {whose}\n{EARLIER}\n\n# %% Encoder: mine, exercise 3.4\n\n{encoder}"
    FILE.write_text(f"{head}# %% frequencies{rest}")
    net = portfolio.load().UNet(1, 8, (1, 2), 16)
    assert type(net.encoder.downs[0]).__name__ == "Downsample"
    assert "Yours, from my_unet.py: frequencies, Encoder." in capsys.readouterr().out
    assert "drawn: (4, 1, 16, 16)" in portfolio.run_alone()
    for _ in range(2):  # written anew, and from what was written
        assert keep("0.1", EXERCISES["0.1"].reference) == portfolio.KEPT
        assert f"# %% Downsample: of an earlier edition\n{EARLIER}" in text()
        assert "max_period ** -(" in text() and text().count("# %% Downsample") == 1
    assert alone(
        "import my_unet; print(my_unet.UNet(1, 8, (1, 2), 16).encoder.downs[0])"
    ).startswith("Downsample(8, 8")


def test_what_a_reader_adds_by_hand_is_no_obstacle(cell):
    keep("1.1", cell(RIGHT).frequencies)
    by_hand = "low, high = 1, 2\ntable = {}\ntable['a'] = 3\n\ndef frequencies("
    FILE.write_text(text().replace("def frequencies(", by_hand, 1))
    assert keep("0.1", EXERCISES["0.1"].reference) == portfolio.KEPT
    assert "low, high = 1, 2" in text()


def test_a_file_that_is_no_text_is_told_and_left_alone(folder, capsys):
    (folder / "my_unet.py").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in keep("1.1", EXERCISES["1.1"].reference)
    assert portfolio.load().UNet is portfolio.REFERENCES["UNet"]
    assert "goes on with the course's parts" in capsys.readouterr().out
    assert (folder / "my_unet.py").read_bytes() == b"\xff\xfe\x00"
