"""The lecturers' page: every chapter has its week, every part of a chapter its minutes, and the commands exist."""

import re

import pytest
import yaml


@pytest.fixture
def page(root):
    return (root / "book" / "85_teaching.md").read_text(encoding="utf-8")


def rows(page, heading):
    """The cells of the table under a heading, line by line."""
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("| \n").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return lines[2:]  # below the head and its rule


def test_every_chapter_has_its_week_in_the_books_order(root, page):
    toc = yaml.safe_load((root / "book" / "_toc.yml").read_text())
    chapters = [entry["file"] for entry in toc["chapters"] if not re.search("tryit|glossary|teaching", entry["file"])]
    weeks = rows(page, "Thirteen weeks")
    assert [int(number) for number, *_ in weeks] == list(range(1, 14))
    planned = re.findall(r"\((\w+)\.ipynb\)", " ".join(chapter for _, chapter, *_ in weeks))
    assert sorted(planned) == sorted(chapters)


def test_a_lecture_has_ninety_minutes_and_the_skeletons_parts(notebook_tool, page):
    lecture = rows(page, "Ninety minutes")
    assert sum(int(minutes) for minutes, *_ in lecture) == 90
    named = [heading for heading in notebook_tool.HEADINGS if heading not in ("Exercises", "References")]
    assert len(lecture) == len(named)
    for (_, part, _), heading in zip(lecture, named, strict=True):
        assert heading.startswith(part), f"{part} is not the part {heading}"


def test_the_commands_exist(root, page):
    targets = re.findall(r"^([a-z-]+):.*## ", (root / "Makefile").read_text(), flags=re.M)
    assert set(re.findall(r"`make ([a-z-]+)`", page)) <= set(targets)
