"""One set of packages, written down once: pyproject.toml, constraints.txt, environment.yml and the Makefile agree."""

import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def pins(root):
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def wanted(project):
    extras = project["optional-dependencies"]
    assert set(extras) == {"lab", "book", "test", "export"}
    return [Requirement(line) for line in [*project["dependencies"], *sum(extras.values(), [])]]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_inside_its_range(project, pins, python):
    surroundings = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux"}
    for requirement in wanted(project):
        found = [
            pin
            for pin in pins
            if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
            and (pin.marker is None or pin.marker.evaluate(surroundings))
        ]
        assert len(found) == 1, f"{requirement.name} has {len(found)} pins on Python {python}; one is wanted"
        (version,) = [spec.version for spec in found[0].specifier]
        assert version in requirement.specifier, f"{found[0]} is outside pyproject.toml's {requirement}"


def test_pins_are_exact_and_name_no_machine(root, pins):
    for pin in pins:
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), f"{pin} is not one exact version"
        assert pin.url is None
    assert "torch==2.13.0" in map(str, pins)
    assert not re.search(r"file:|/(home|root|opt|tmp)/", (root / "constraints.txt").read_text(encoding="utf-8"))


def test_conda_installs_the_same_thing(root, project):
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    *index, constraints, course = pip["pip"]
    assert (constraints, course) == ("-c constraints.txt", "-e .[lab,book,test]")
    assert index == ["--extra-index-url https://download.pytorch.org/whl/cpu"], "Binder would fetch CUDA for nothing"
    python, pip_itself = map(Requirement, conda)
    assert (python.name, pip_itself.name) == ("python", "pip")
    for version in ("3.10", "3.11", "3.12", "3.13"):
        ours = version in SpecifierSet(project["requires-python"])
        assert (f"{version}.9" in python.specifier) == ours, f"Python {version}: conda and pyproject.toml disagree"


def test_help_lists_every_target_that_the_readme_and_contributing_name(root):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.M))
    assert {"lab", "test", "book", "smoke", "test-slow", "check", "help"} <= explained
    for page in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (root / page).read_text(encoding="utf-8"), re.M))
        assert named <= explained, f"{page} names make targets that do not exist: {named - explained}"


def test_what_the_readme_names_is_there(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:book|srlib|data|benchmarks|tests|tools|\.ci)/[\w./-]*)`", text))
    named |= set(re.findall(r"\]\((?!https?:)([^)#]+)\)", text))
    missing = sorted(name for name in named if not (root / name).exists())
    assert not missing, f"README.md names what does not exist: {missing}"


@pytest.mark.skipif(os.name != "posix", reason="make is not used on Windows")
def test_set_up_says_one_sentence_when_there_is_no_python(root, tmp_path):
    tools = {"dirname", "cat", "pwd", "rm", "sh"}
    for tool in tools:
        found = next(
            (f"{folder}/{tool}" for folder in ("/bin", "/usr/bin") if os.path.exists(f"{folder}/{tool}")), None
        )
        if found:
            (tmp_path / tool).symlink_to(found)
    (tmp_path / "python3").write_text(
        "#!/bin/sh\nexit 1\n"
    )  # one that exists but does not run, as version managers leave
    (tmp_path / "python3").chmod(0o755)
    environment = {"PATH": str(tmp_path)}
    venv = tmp_path / "venv"
    done = subprocess.run(
        ["/bin/sh", str(root / "tools" / "setup.sh"), str(venv)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "Traceback" not in done.stderr
    assert not venv.exists()


def test_the_running_python_is_one_the_course_supports():
    assert sys.version_info >= (3, 11)


def test_the_tree_carries_no_machine_paths(root):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    if not (root / ".git").exists():
        why = "not a git checkout: an unpacked archive of the course"
        pytest.fail(why) if os.environ.get("SRLIB_REQUIRE_PEERS") else pytest.skip(why)
    assert listed.returncode == 0, listed.stderr
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = root / name
        if path.suffix in {".py", ".md", ".toml", ".yml", ".sh", ".txt", ".ipynb", ".json", ".css"} and path.exists():
            if path.name == "test_environment.py":
                continue
            if match := re.search(r"/home/\w+/|/root/|/Users/\w+/", path.read_text(encoding="utf-8")):
                found.append(f"{name}: {match[0]}")
    assert not found, "\n".join(found)


def test_the_release_has_one_version(root):
    package = (root / "srlib" / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.+)"$', package, re.M)[1]
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\d\S*)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1]
    assert (citation["version"], newest) == (version, version)
