"""Arabic words of a PDF as they are spelled; pure functions on PyMuPDF's spans and characters.

One glyph may stand for several letters, as lam-alef does. The first of them has the width of the glyph, the others none;
where the page is written from left to right, PyMuPDF turns the line round and the letters of the glyph with it. A
space that the page prints at the end of a line may come in the middle of a word.
"""

import re
from collections.abc import Iterable
from typing import Any

ARABIC = re.compile("[\u0621-\u064a\u066e-\u06d3]")
NO_WIDTH = 0.05
TOUCHES = 0.2
"""Points between the edges of what stands side by side."""

Character = dict[str, Any]


def has_arabic(spans: Iterable[dict[str, Any]]) -> bool:
    """Whether any span holds an Arabic letter."""
    return any(not span["text"].isascii() and ARABIC.search(span["text"]) for span in spans)


def spelled(characters: Iterable[Character]) -> str:
    """The text of a span: the letters of each glyph in the order in which they are read, no space within a word."""
    ordered = _in_order(characters)
    spaces = {at for at in range(1, len(ordered) - 1) if _is_within_word(*ordered[at - 1 : at + 2])}
    return "".join(each["c"] for at, each in enumerate(ordered) if at not in spaces)


def _in_order(characters: Iterable[Character]) -> list[Character]:
    ordered: list[Character] = []
    turned: list[Character] = []
    for each in characters:
        x0, _, x1, _ = each["bbox"]
        is_letter = ARABIC.match(each["c"]) is not None
        if is_letter and x1 - x0 < NO_WIDTH:
            turned.append(each)
            continue
        belongs = is_letter and turned and abs(turned[-1]["bbox"][0] - x1) < TOUCHES
        ordered += [each, *reversed(turned)] if belongs else [*turned, each]
        turned.clear()
    return [*ordered, *turned]


def _is_within_word(right: Character, space: Character, left: Character) -> bool:
    """Whether a space comes between two letters that touch: it is printed elsewhere."""
    return (
        space["c"] == " "
        and ARABIC.match(right["c"]) is not None
        and ARABIC.match(left["c"]) is not None
        and abs(right["bbox"][0] - left["bbox"][2]) < TOUCHES
    )
