"""Makes extracted characters fit for reading and searching; pure functions on strings."""

import re
import unicodedata

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


def join_lines(first: str, second: str) -> str:
    """Two lines of one paragraph as one, a word that was cut by a hyphen made whole."""
    if not first or not second:
        return first or second
    if first[-1] == "\u00ad":
        return first[:-1] + second
    if first[-1] in HYPHENS and len(first) > 1 and first[-2].isalpha():
        if not second[0].islower():
            return first + second
        return first + second if KEEPS_HYPHEN.search(first) else first[:-1] + second
    return f"{first} {second}"
