"""What of a chapter's text a slide says, and MyST turned into markdown that anything can render."""

import re


def blocks(text):
    """The paragraphs, lists, tables, formulas, fenced blocks and headings of a markdown text."""
    found, fence = [[]], None
    for line in text.splitlines():
        if fence is None and re.match(r"\([\w-]+\)=\s*$|%", line):  # a target, a comment
            continue
        mark = re.match(r"\s*(`{3,}|:{3,}|\$\$)", line)
        heading = fence is None and re.match(r"#{1,6} ", line)
        if fence is None and (heading or not line.strip()):
            found.append([])
        if line.strip() or fence:
            found[-1].append(line)
        if heading:
            found.append([])
        elif mark and fence is None and not (mark[1] == "$$" and line.count("$$") > 1):
            fence = mark[1]
        elif mark and fence and mark[1].startswith(fence):
            fence = None
    return ["\n".join(lines) for lines in found if lines]


def sections(text):
    """A markdown text as [(level of its heading or 0, blocks)]; a heading with nothing under it joins the next one."""
    found = []
    for block in blocks(text):
        level = len(re.match(r"#* ?", block)[0].strip()) if re.match(r"#{1,6} ", block) else 0
        alone = found and all(b.startswith("#") for b in found[-1][1])
        if not found or (level and not alone):
            found.append((level, []))
        found[-1][1].append(block)
    return found


def is_prose(block):
    return not re.match(r"#|[-*+] |\d+\. |\||>|```|:::|\$\$|<|!\[", block) and "\n- " not in block


def sentences(paragraph):
    """The sentences of a paragraph; a full stop inside code, a formula or brackets, or after `al`, ends none."""
    found = [""]
    for piece in re.split(r"(?<=[.!?])(?=[\s*\")])|(?<=[.!?][*\")])(?=\s)|(?<=[.!?]\*\*)(?=\s)", paragraph):
        found[-1] += piece
        said = found[-1]
        whole = not any(said.count(mark) % 2 for mark in ("`", "$", "**", '"')) and said.count("(") == said.count(")")
        if whole and not re.search(r"(\bal|\be\.g|\bi\.e|\bvs|\bcf|\b[A-Z])\.$", said):
            found.append("")
    return [said.strip() for said in found if said.strip()]


def short(block):
    """What a slide says of a paragraph: its first sentence, and the questions and the "...:" that end it."""
    if not is_prose(block):
        return block
    said = sentences(block)
    first = 2 if len(said[0]) < 30 and said[0].startswith("**") else 1  # "**Luma, Y.**" alone says nothing
    last = len(said)
    while last > first and said[last - 1].rstrip('*")').endswith(("?", ":")):
        last -= 1
    return " ".join(said[:first] + said[last:])


def readable(text, decks=()):
    """MyST as plain markdown: directives become boxes, roles their text, links to chapters links to their decks."""
    while match := re.search(r"^([`:]{3,})\{([\w:-]+)\}[ ]*(.*)\n([\s\S]*?)^\1[ ]*$", text, re.M):
        _, name, title, body = match.groups()
        body = re.sub(r"\A(:[\w-]+:.*\n|---\n[\s\S]*?---\n)+", "", body).strip()
        if name == "math":
            new = f"$$\n{body}\n$$"
        elif name.startswith("code"):
            new = f"```{title}\n{body}\n```"
        else:
            title = title or name.capitalize()
            new = f'<div class="admonition">\n\n**{title}**\n\n{body}\n\n</div>'
        text = text[: match.start()] + new + text[match.end() :]

    def linked(match):
        label, name = match.groups()
        return f"[{label}]({name}.html)" if name in decks else label

    text = re.sub(r"\[([^\]]*)\]\((?:\./)?([\w-]+)\.(?:ipynb|md)(?:#[^)]*)?\)", linked, text)
    text = re.sub(r"\{math\}`([^`]*)`", r"$\1$", text)
    text = re.sub(r"\{cite[:\w]*\}`([^`]*)`", r"[\1]", text)
    text = re.sub(r"\{[\w:-]+\}`([^`<]*?)\s*(?:<[^`>]*>)?`", r"\1", text)
    text = re.sub(r"(?<=\d) x (?=\d)(?=.*\|$)", "\u00a0x\u00a0", text, flags=re.M)  # a table breaks no "9 x 9"
    return re.sub(r"(?<=\$\$) \([\w-]+\)$", "", text, flags=re.M)  # an equation's label


def lines_of(block):
    """About how many lines a block fills."""
    if block.startswith("#"):
        return 2
    if block.startswith("$$"):
        return 2 + 1.2 * block.count(r"\\")
    if block.startswith("|"):
        return 1.3 * block.count("\n")
    return 0.4 + sum(1 + len(line) // 88 for line in block.splitlines())
