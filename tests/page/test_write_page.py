"""The page as a file: one, whole, small, with what it was given in it, and no address to fetch."""

import json
import math
import re

import pytest
import torch
from page_networks import NETWORKS, SMALL, shaken

from course_utils import page
from course_utils.files import write_whole
from course_utils.grown_unet import GrownUNet
from course_utils.unet import UNet


@pytest.fixture
def out(tmp_path):
    return tmp_path / "page.html"


def content_of(text):
    return json.loads(re.search(r'id="content"[^>]*>\n(.*)\n</script>', text)[1])


@pytest.mark.parametrize("net", [UNet(1, 32, (1, 2, 4), 128), GrownUNet()], ids=["UNet", "Grown"])
def test_it_is_one_small_file_that_names_no_other(out, net, monkeypatch):
    monkeypatch.setattr(page, "course_address", lambda: "https://github.com/ada/unet")
    assert page.write_page(net, str(out)) == out
    text = out.read_text(encoding="utf-8")
    assert out.stat().st_size < 2.5e6 and list(out.parent.iterdir()) == [out]
    assert re.findall(r'(?:src|href|url)[=(]"?([^">)\s]+)', text) == [
        "data:,", "https://github.com/ada/unet",
    ]  # fmt: skip
    for source in page.NETWORK:
        assert (page.HERE / source).read_text(encoding="utf-8") in text
    assert "{{" not in text.replace(content_of(text)["network"]["base64"], "")
    assert not re.search(r"^/\* \w+ \*/$", text, re.MULTILINE)


def test_it_says_whose_it_is_and_how_it_was_trained(out):
    nasty = 'Ada </script><b>"&'
    page.write_page(NETWORKS["UNet"], out, name=nasty, told="On <2> cores.", labels=None)
    text = out.read_text(encoding="utf-8")
    assert "Ada &lt;/script&gt;&lt;b&gt;&quot;&amp;’s network draws digits</h1>" in text
    assert "On &lt;2&gt; cores." in text and nasty not in text


@pytest.mark.parametrize(
    "name, title",
    [
        ("", "A neural network draws clothes"),
        ("Ada", "Ada’s network draws clothes"),
        ("James", "James’ network draws clothes"),
    ],
)
def test_its_title(out, name, title):
    labels = ["</script>", "b", "c"]
    net = NETWORKS["GrownUNet, three classes"]
    page.write_page(net, out, "v", name=name, draws="clothes", labels=labels)
    text = out.read_text(encoding="utf-8")
    assert f"<title>{title}</title>" in text and f"<h1>{title}</h1>" in text
    assert "Draw new clothes</button>" in text
    assert text.count("</script>") == 5  # the head's, the content, and three of code
    content = content_of(text)
    assert content["about"]["labels"] == labels and content["about"]["draws"] == "clothes"
    assert content["network"]["settings"] == {
        "network": "GrownUNet", "predicts": "v", "in_ch": 3, "size": 16, "halvings": 1,
        "heads": 4, "classes": 3,
    }  # fmt: skip


def test_figures_become_rows(out):
    figures = {25: (0.8, 7.2), 1: (torch.tensor(0.5), math.nan), 4: (None, 20)}
    page.write_page(NETWORKS["UNet"], out, figures=figures)
    rows = content_of(out.read_text(encoding="utf-8"))["about"]["figures"]
    assert rows == [[1, 0.5, None], [4, None, 20.0], [25, 0.8, 7.2]]


@pytest.mark.parametrize("figures", [{1: 0.5}, {0: (0.5, 1)}, {1: (1, 2, 3)}, [1], {"a": (1, 2)}])
def test_what_are_no_figures_is_refused(out, figures):
    with pytest.raises(ValueError, match=r"figures must be \{evaluations: \(recognised, distance"):
        page.write_page(NETWORKS["UNet"], out, figures=figures)
    assert not out.exists()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"predicts": "sigma"}, 'predicts must be "straight", "v" or "eps"; got \'sigma\''),
        ({"bits": 8}, "bits must be 16 or 32; got 8"),
        ({"size": 30}, "30 x 30 can be halved once, not twice"),
        ({"labels": ["a"]}, "the network knows 0 labels; got 1 names"),
    ],
)
def test_other_arguments_are_refused(out, given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        page.write_page(NETWORKS["UNet"], out, **given)
    assert not out.exists()


def test_weights_that_16_bits_cannot_hold_are_refused(out):
    net = shaken(UNet(**SMALL))
    net.decoder.out.weight.data[:] = 70_000.0
    with pytest.raises(ValueError, match="decoder.out.weight are not finite, or too large for 16"):
        page.write_page(net, out)
    page.write_page(net, out, bits=32)


def test_an_older_page_stays_if_the_new_one_cannot_be_written(out, monkeypatch):
    def failing(write, path):
        def half(file):
            write(file)
            raise OSError("disk full")

        write_whole(half, path)

    page.write_page(NETWORKS["UNet"], out)
    before = out.read_bytes()
    monkeypatch.setattr(page, "write_whole", failing)
    with pytest.raises(OSError, match="disk full"):
        page.write_page(NETWORKS["UNet"], out, name="other")
    assert out.read_bytes() == before and list(out.parent.iterdir()) == [out]


def test_the_network_and_its_mode_stay_as_they_were(out):
    net = shaken(UNet(**SMALL)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    page.write_page(net, out)
    assert net.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


# --- the address ---------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of the course, as far as its address goes."""
    (tmp_path / "course_utils/page").mkdir(parents=True)
    monkeypatch.setattr(page, "HERE", tmp_path / "course_utils/page")
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    monkeypatch.setattr(page, "git_remote", lambda root: None)
    return tmp_path


def test_the_address_is_that_of_the_copy(course, monkeypatch):
    assert page.course_address() is None
    monkeypatch.setattr(page, "git_remote", lambda root: "from/git")
    assert page.course_address() == "https://github.com/from/git"
    monkeypatch.setenv("GITHUB_REPOSITORY", "from/environment")
    (course / "pyproject.toml").write_text('[tool.course]\nrepository = ""\n')
    assert page.course_address() == "https://github.com/from/environment"
    (course / "pyproject.toml").write_text('[tool.course]\nrepository = "fork/course"\n')
    assert page.course_address() == "https://github.com/fork/course"


def test_git_is_asked_for_its_remote(tmp_path, monkeypatch):
    told = "origin\thttps://github.com/ada/unet.git (fetch)\n"
    monkeypatch.setattr(
        page.subprocess, "run", lambda *a, **k: page.subprocess.CompletedProcess(a, 0, told)
    )
    assert page.git_remote(tmp_path) == "ada/unet"

    def no_git(*arguments, **options):
        raise FileNotFoundError("git")

    monkeypatch.setattr(page.subprocess, "run", no_git)
    assert page.git_remote(tmp_path) is None


def test_the_source_of_a_part_is_the_part_alone():
    text = page.source("FiLMBlock")
    assert text.startswith("class FiLMBlock extends Module {") and text.endswith("\n}")
    assert text.count("{") == text.count("}") and text.count("class ") == 1
    assert page.source("unfold").startswith("function unfold(")
    with pytest.raises(ValueError, match="no class or function FiLM"):
        page.source("FiLM")
