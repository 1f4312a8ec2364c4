"""Putting text of others into a prompt so that it stays material and cannot pose as our own markup."""

import re
import unicodedata

OPENING = re.compile(r"[<\uFF1C\uFE64](?=\s*[/!|?]?\s*[^\W\d_]|\s*[/!|?])")
"""A character that could open a tag, also in the wide forms that a model reads alike.

"p < 0.05" stays as it is.
"""
MARKER = re.compile(r"[\[\uFF3B]\s*(\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)\s*[\]\uFF3D]")
SPACES = re.compile(r"\s+")
KEPT_CONTROLS = frozenset("\n\t")
KEPT_JOINERS = frozenset("\u200c\u200d")
"""Invisible, yet part of how Persian, Hindi or an emoji of a family is written."""


def as_material(text: str) -> str:
    """Return `text` without tags that could open or close ours and without invisible characters."""
    return OPENING.sub("\u2039", _visible(text)).strip()


def without_markers(text: str) -> str:
    """Turn ``[3]`` into ``(3)``: the reference of a source or of an older answer is not one of ours."""
    return MARKER.sub(r"(\1)", text)


def as_attribute(text: str) -> str:
    """Return `text` as one line that can stand between double quotes."""
    return SPACES.sub(" ", without_markers(as_material(text))).replace('"', "'").strip()


def tagged(tag: str, text: str, **attributes: str | int) -> str:
    """Put `text` between ``<tag>`` and ``</tag>``, which it cannot close."""
    written = "".join(f' {name}="{as_attribute(str(value))}"' for name, value in attributes.items())
    return f"<{tag}{written}>\n{as_material(text)}\n</{tag}>"


def _visible(text: str) -> str:
    """Drop control, format, private and surrogate characters, where instructions can hide from a reader."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(character for character in text if character.isprintable() or _may_stay(character))


def _may_stay(character: str) -> bool:
    """Whether an unprintable character is one that people write: a blank of some width, a joiner, a line's end."""
    return (
        character in KEPT_CONTROLS
        or character in KEPT_JOINERS
        or not unicodedata.category(character).startswith("C")
    )
