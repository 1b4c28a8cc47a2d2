"""contact.py: all pictures on one page, those of an earlier commit beside those of today."""

import re
import subprocess
import sys

from toy_course import spoil

GIT = ["git", "-c", "user.name=A Reader", "-c", "user.email=reader@example.org"]


def contact(course, *arguments):
    script = [sys.executable, "notebooks/contact.py", *arguments]
    return subprocess.run(script, cwd=course, capture_output=True, text=True)


def sources(course):
    page = (course / "build/pictures.html").read_text(encoding="utf-8")
    return [re.findall(r'<img src="([^"]+)"', column) for column in page.split("<td>")[1:]]


def test_pictures_of_then_stand_beside_those_of_today(course):
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "then"]):
        subprocess.run([*GIT, *command], cwd=course, check=True)
    assert contact(course).returncode == 0
    ((then,),) = sources(course)

    def other(notebook):
        for output in (o for c in notebook["cells"] for o in c.get("outputs", [])):
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = "AAAA"

    spoil(course, other)
    assert contact(course, "HEAD").returncode == 0
    assert sources(course) == [[then], ["data:image/png;base64,AAAA"]]


def test_a_commit_that_is_not_there(course):
    subprocess.run([*GIT, "init", "-q"], cwd=course, check=True)
    before = sorted(course.rglob("*"))
    done = contact(course, "HEAD~7")
    assert done.returncode == 1 and sorted(course.rglob("*")) == before
    assert "contact.py: git has no HEAD~7:notebooks/01_toy.ipynb" in done.stderr
