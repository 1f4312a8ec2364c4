"""Makes extracted characters fit for reading and searching; pure functions on strings."""

import re
import unicodedata
from collections.abc import Sequence

LIGATURES = str.maketrans(
    {
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "ĳ": "ij", "Ĳ": "IJ",
        # Zero width, soft hyphen, byte order mark; the joiners of Arabic and Indic scripts stay.
        "\u200b": None, "\u2060": None, "\ufeff": None, "\u00ad": None, "\u180e": None,
        "\u2028": "\n", "\u2029": "\n", "\u0085": "\n", "\r": "\n", "\v": "\n", "\f": "\n", "\t": " ",
        "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u3000": " ",
    }
)  # fmt: skip
CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ue000-\uf8ff\ud800-\udfff]")
JOINERS = re.compile("(?<![\u0600-\u0dff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\u0dff])")
PRESENTATION_FORMS = re.compile("[\ufb50-\ufdff\ufe70-\ufefc]+")
SPACES = re.compile(" {2,}")
# Five dots or more: fewer are an ellipsis, with the full stop before it.
LEADER = re.compile("(?:[.\u00b7\u2024\u2025\u2026]\\s?){5,}")
HYPHENS = ("-", "\u2010")
# A word that is written with a hyphen keeps it when the line breaks there.
KEEPS_HYPHEN = re.compile(
    r"(?:^|[\s(\u201c\"'])(?:self|non|co|pre|post|well|high|low|long|short|half|cross|multi|anti|mid|all|ex|so|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|in|on|out|up|to|the|by|of|\w+-\w+)[-\u2010]$",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """Text without control and zero-width characters, with plain spaces and letters for ligatures."""
    if text.isascii() and text.isprintable():
        return SPACES.sub(" ", text) if "  " in text else text
    text = CONTROLS.sub("", text.translate(LIGATURES))
    text = JOINERS.sub("", text)
    text = PRESENTATION_FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return SPACES.sub(" ", unicodedata.normalize("NFC", text))


def one_line(text: str) -> str:
    """Cleaned text on one line, without space at its ends."""
    return " ".join(clean(text).split())


def without_leaders(text: str) -> str:
    """One printed line with its rows of dots drawn together; empty when it has nothing else."""
    if not LEADER.search(text):
        return text
    return "" if LEADER.fullmatch(text) else SPACES.sub(" ", LEADER.sub(" … ", text)).strip()


def join_all(lines: Sequence[str]) -> str:
    """The lines of one paragraph as one, words that were cut by a hyphen made whole."""
    parts = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        parts.append(_end_of_line(line, following))
    return "".join(parts)


def _end_of_line(line: str, following: str) -> str:
    """The line as it stands before `following`: with a space, its hyphen, or neither."""
    if not line or not following:
        return line
    if line[-1] in HYPHENS and len(line) > 1 and line[-2].isalpha():
        keeps = not following[0].islower() or KEEPS_HYPHEN.search(line[-40:]) is not None
        return line if keeps else line[:-1]
    return f"{line} "
