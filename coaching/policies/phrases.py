"""Patterns with a context: what must stand around a phrase, and what makes it harmless.

Every pattern is made of fixed words and bounded repetitions of whole words, so that its time grows with the
length of the text and nothing else. They read text that `normalise` has prepared: lower case, no apostrophes.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CONTEXT = 90
"""How many characters before and after a match may belong to its context."""

SHORT, REACH, MOST = 400, 160, 8
"""Longer texts are searched only within REACH characters of a stem, and of its first and last MOST occurrences:
a message that says a word hundreds of times has said it plainly, or is hostile."""

_DROPPED = str.maketrans(dict.fromkeys("'`\u2018\u2019\u201b\u02bc\u00b4\u2032*_~\"\u201c\u201d\u00ad"))
_LOOKALIKES = str.maketrans(
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0131",
    "-------aeopcyxisi",
)
_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_SENTENCE_ENDS = (".", "!", "?", ";", ":")

Before = Callable[[Sequence[str]], bool]
"""Whether the words before a match, nearest last, let the match count."""


def normalise(text: str) -> str:
    """Fold what would hide a phrase from its rule: case, width, quotes and apostrophes, white space, marks.

    "Don\u2019t" becomes "dont"; emphasis, quotation marks and invisible characters go; line breaks become spaces.
    """
    if not text.isascii():
        text = _HIDDEN.sub("", unicodedata.normalize("NFKC", text.lower())).translate(_LOOKALIKES)
    return " ".join(text.translate(_DROPPED).lower().split())


@dataclass(frozen=True, slots=True)
class Phrase:
    """A named pattern; a match counts unless the words before or after it, or the whole text, say otherwise.

    `stems` are pieces of text without which the pattern cannot match: looking for them spares most searches.
    """

    name: str
    pattern: re.Pattern[str]
    stems: tuple[str, ...] = ()
    before: Before | None = None
    after: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None

    def find(self, text: str) -> str | None:
        """Return the first words in normalised `text` that count, or None."""
        for start, end in self._places(text):
            for match in self.pattern.finditer(text, start, end):
                if self._counts(text, match.start(), match.end()):
                    return None if self.unless is not None and self.unless.search(text) else match.group(0)
        return None

    def _places(self, text: str) -> list[tuple[int, int]]:
        """Where the pattern can match: all of a short text, the surroundings of the stems in a long one."""
        if not self.stems:
            return [(0, len(text))]
        if len(text) <= SHORT:
            return [(0, len(text))] if any(stem in text for stem in self.stems) else []
        return _joined(text, sorted({place for stem in self.stems for place in _occurrences(text, stem)}))

    def _counts(self, text: str, start: int, end: int) -> bool:
        if self.after is not None and self.after.match(text, end, end + CONTEXT):
            return False
        return self.before is None or self.before(words_before(text, start))


def _occurrences(text: str, stem: str) -> list[int]:
    """Return where `stem` begins: the first MOST times, and the last MOST when there are more."""
    places: list[int] = []
    place = text.find(stem)
    while place >= 0 and len(places) < MOST:
        places.append(place)
        place = text.find(stem, place + 1)
    last = text.rfind(stem) if place >= 0 else -1
    while last >= place >= 0 and len(places) < 2 * MOST:
        places.append(last)
        last = text.rfind(stem, 0, last)
    return places


def _joined(text: str, places: Sequence[int]) -> list[tuple[int, int]]:
    """Return the surroundings of the places, up to the end of a word, those that overlap made one."""
    joined: list[tuple[int, int]] = []
    for place in places:
        start, end = max(0, place - REACH), min(len(text), place + REACH)
        space = text.find(" ", end, end + CONTEXT)
        end = end if space < 0 else space
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def words_before(text: str, start: int) -> list[str]:
    """Return the words of the sentence before `start`, as far as the context reaches; nearest last."""
    cut = max(0, start - CONTEXT)
    said = text[cut:start].split()
    if cut and said:
        said[0] = "\u2026"
    for place in range(len(said) - 1, -1, -1):
        if said[place].endswith(_SENTENCE_ENDS):
            return said[place + 1 :]
    return said


def phrase(
    name: str,
    *alternatives: str,
    stems: str = "",
    before: Before | None = None,
    after: str = "",
    unless: str = "",
) -> Phrase:
    """Make a phrase that begins and ends at word boundaries; `stems` are separated by `|`."""
    return Phrase(
        name,
        re.compile(rf"\b(?:{'|'.join(alternatives)})\b"),
        tuple(stems.split("|")) if stems else (),
        before,
        re.compile(rf"\W*(?:{after})\b") if after else None,
        re.compile(rf"\b(?:{unless})\b") if unless else None,
    )


def some(most: int, choices: str = r"[\w-]+") -> str:
    """Up to `most` words, each followed by its space: any words, or the given choices."""
    return rf"(?:(?:{choices}),? ){{0,{most}}}"
