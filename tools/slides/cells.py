"""What of a code cell a slide shows, and about how high it is there."""

import copy
import re

ROOM = 20  # lines of prose that a slide holds, a little smaller than usual
LONGEST_CODE = 25  # lines, where code is shown at all
ABOVE_A_FIGURE = 3  # lines of code that leave room for the picture beneath them
ANSWERS = re.compile(r"live\.(quiz|predict)\(")  # the source gives the answer away


def height_of(outputs):
    """About how many lines of prose the outputs are as high as."""
    total = 0
    for output in outputs:
        html = output.get("data", {}).get("text/html", "")
        if not html:
            text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            total += 1 + 0.7 * text.count("\n")
        elif "sr-table" in html:
            total += 1.5 + 0.9 * html.count("<tr")
        elif "sr-hints" in html or "sr-quiz" in html or "sr-predict" in html:
            total += 6
        else:
            total += 15 if "sr-live" in html else 13 if re.search("<img|<svg", html) else 3
    return total


def pictured(outputs):
    """Whether they are more than text; an exercise's hints are text, folded away."""
    htmls = [output.get("data", {}).get("text/html", "") for output in outputs]
    return any(html and "sr-hints" not in html for html in htmls)


def on_slides(cell):
    """(code, outputs) of a code cell as the slides show them; either may be empty."""
    tags, code, outputs = cell.metadata.get("tags", []), cell.source.strip(), cell.outputs
    if {"remove-cell", "hide-cell"} & set(tags):
        return "", []
    if {"remove-output", "hide-output"} & set(tags):
        outputs = []
    if {"remove-input", "hide-input"} & set(tags) or ANSWERS.match(code):
        return "", outputs
    lines, defines = code.count("\n") + 1, re.search(r"^(def|class) ", code, re.M)
    short_enough = outputs and (
        lines <= ABOVE_A_FIGURE if pictured(outputs) else 0.7 * lines + height_of(outputs) <= ROOM
    )
    return code if short_enough or (defines and lines <= LONGEST_CODE) else "", outputs


def without_sections(output):
    """The output with `<section>` (a quiz) as `<div>`: to reveal.js, every section is a slide."""
    if "text/html" in output.get("data", {}):
        output = copy.deepcopy(output)
        output.data["text/html"] = re.sub(r"(</?)section\b", r"\1div", output.data["text/html"])
    return output


def is_told(cell):
    """Whether code that is on no slide goes to the notes: not set-up (imports, parameters), not a quiz's answers."""
    code = re.sub(r"\([^()]*\)", "", cell.source)
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith("#")]
    tags = {"parameters", "remove-cell", "remove-input"} & set(cell.metadata.get("tags", []))
    return not tags and not ANSWERS.match(cell.source) and not all(re.match(r"(import|from) ", line) for line in lines)
