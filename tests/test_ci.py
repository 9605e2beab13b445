"""`.ci/run` plays the newcomer first: a copy with a space in its path, an empty home, no photos; then it has photos."""

import os
import shutil
import subprocess

import pytest

MAKE = """#!/bin/sh
said="$1|$PWD|$(ls -A "$HOME" | wc -l)|${SRLIB_PHOTOS:-none}|${SRLIB_CACHE:-none}|$(ls -d ../shared 2>/dev/null)"
echo "$said|$(ls | tr '\\n' ' ')" >> "$SAID"
mkdir -p _build/html && echo built > _build/html/index.html
test "$1" != "$FAILS"
"""


@pytest.fixture
def ci(root, tmp_path):
    """A repository of three files with this course's .ci/run, and a `make` that tells what it was called with."""
    checkout, bin_ = tmp_path / "checkout", tmp_path / "bin"
    bin_.mkdir()
    for name, text in {"make": MAKE, "chromium": "#!/bin/sh\n"}.items():
        (bin_ / name).write_text(text)
        (bin_ / name).chmod(0o755)
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(root / ".ci" / "run", checkout / ".ci" / "run")
    for name in ("kept", "changed", "removed"):
        (checkout / name).write_text("committed")
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org", "-C", str(checkout)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *command], check=True, capture_output=True)

    def run(fails="", **environment):
        home = tmp_path / "my home"
        home.mkdir(exist_ok=True)
        (home / ".settings").write_text("mine")
        told = tmp_path / "told"
        told.unlink(missing_ok=True)
        given = {k: v for k, v in os.environ.items() if not k.startswith("SRLIB_")}
        given |= {"PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "SAID": str(told)}
        given |= {"FAILS": fails, "SRLIB_CACHE": "/some/cache", **environment}
        done = subprocess.run(["bash", ".ci/run"], cwd=checkout, env=given, capture_output=True, text=True)
        lines = [line.split("|") for line in told.read_text().splitlines()]
        return done, {line[0]: line[1:] for line in lines}, [line[0] for line in lines]

    run.checkout = checkout
    return run


def test_a_newcomer_comes_first_and_sees_nothing_of_this_machine(ci):
    (ci.checkout.parent / "shared" / "photos").mkdir(parents=True)
    done, told, order = ci()
    assert done.returncode == 0, done.stderr
    assert order[:5] == ["setup", "check", "test", "smoke", "book"]
    for name in order[:5]:
        folder, at_home, photos, cache, shared, _ = told[name]
        assert folder.endswith("/a course")
        assert (at_home, photos, cache, shared) == ("0", "none", "none", ""), name
    for name in ("test-photos", "nbval", "test-gpu"):
        assert told[name][2] == str(ci.checkout.parent / "shared" / "photos")
    assert (ci.checkout / "_build" / "html" / "index.html").read_text() == "built\n"
    assert not os.path.exists(told["test"][0])


def test_without_photos_all_else_runs(ci):
    done, told, order = ci()
    assert done.returncode == 0, done.stderr
    assert "no photos here" in done.stdout
    assert "test-photos" not in order
    assert {"nbval", "test-gpu", "test-site", "test-lab"} <= set(order)


def test_photos_that_are_named_are_used_only_after_the_newcomer(ci):
    _, told, _ = ci(SRLIB_PHOTOS="/my/photos")
    assert (told["test"][2], told["nbval"][2]) == ("none", "/my/photos")


def test_what_is_not_committed_counts(ci):
    (ci.checkout / "changed").write_text("now")
    (ci.checkout / "removed").unlink()
    (ci.checkout / "new file").write_text("new")
    _, told, _ = ci()
    assert told["setup"][-1].split() == ["changed", "kept", "new", "file"]


def test_the_first_failure_ends_it(ci):
    done, _, order = ci(fails="smoke")
    assert done.returncode != 0
    assert order[-1] == "smoke"
