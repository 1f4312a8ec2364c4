"""Finding the words of a claim in the text of a passage. Offsets are characters of that text."""

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

FUZZY_FROM = 90.0
"""Words this alike, 0 to 100, are the same words with a slip."""
FEWEST_WORDS = 3
"""A shorter text is found in too many places to be a quotation."""

ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u00b4`\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\t\n\r\f\v\u00a0\u2002\u2003\u2009\u202f", " "),
    }
)
"""One character for one character, so that offsets stay."""

MARKUP = re.compile(
    r"\[\d{1,3}\]|[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}|^\s*(?:#{1,6}|[-*+>•]|\d{1,2}[.)])\s+", re.MULTILINE
)
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*)*[.!?]*[\"'\u201d\u2019)]*", re.DOTALL)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
DENIALS = frozenset({"not", "no", "never", "none", "nor", "neither", "without", "cannot"})
EMPTY_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing down during each few for from further had has have
    having he her here hers him his how i if in into is it its itself just may me might more most must my
    of off on once one only or other our out over own same shall she should so some such than that the
    their them then there these they this those through to too under until up upon very was we were what
    when where which while who whom why will with would you your""".split()  # noqa: SIM905 - a list of words reads best as a text
)


class Span(NamedTuple):
    """The characters from `start` to before `end`."""

    start: int
    end: int


def strip_markup(text: str) -> str:
    """Return `text` without citation markers and the signs of Markdown around words."""
    return " ".join(MARKUP.sub(" ", text).split()).replace(" .", ".").replace(" ,", ",")


def locate(words: str, passage: str) -> Span | None:
    """Return where `passage` has `words`: exactly, or with slips that change no number and no denial."""
    wanted = " ".join(_alike(words).split()).strip(" \"'.,;:!?")
    if len(wanted.split()) < FEWEST_WORDS:
        return None
    text = _alike(passage)
    return _exactly(wanted, text) or _fuzzily(wanted, text)


def best_sentences(claim: str, passage: str) -> tuple[float, Span]:
    """Return the one or two neighbouring sentences of `passage` nearest to `claim`.

    The number is the share, 0 to 1, of the claim's words that they have; 0 when a number of the claim
    is nowhere in the passage.
    """
    wanted = content_words(claim)
    if not wanted or not _numbers(claim) <= _numbers(passage):
        return 0.0, Span(0, 0)
    sentences = _sentences(passage)
    best, span = 0.0, Span(0, 0)
    for index, (here, words) in enumerate(sentences):
        alone = len(wanted & words) / len(wanted)
        if alone > best:
            best, span = alone, here
        if index + 1 < len(sentences):
            then, more = sentences[index + 1]
            # The second sentence has to bring something: a longer quote is a weaker one.
            both = len(wanted & (words | more)) / len(wanted) - 0.1
            if both > best:
                best, span = both, Span(here.start, then.end)
    return best, span


@lru_cache(maxsize=512)
def content_words(text: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    return frozenset(
        _stem(word) for word in WORD.findall(_alike(text)) if len(word) > 1 and word not in EMPTY_WORDS
    )


def _alike(text: str) -> str:
    lowered = text.lower()
    # A few letters grow in lower case; with them offsets would move, so case is kept there.
    return (lowered if len(lowered) == len(text) else text).translate(ALIKE)


def _exactly(wanted: str, text: str) -> Span | None:
    start = text.find(wanted)
    if start >= 0:
        return Span(start, start + len(wanted))
    if wanted not in " ".join(text.split()):
        return None
    found = re.search(r"\s+".join(map(re.escape, wanted.split())), text)
    return Span(*found.span()) if found else None


def _fuzzily(wanted: str, text: str) -> Span | None:
    if len(wanted) > len(text):
        return None
    found = fuzz.partial_ratio_alignment(wanted, text, score_cutoff=FUZZY_FROM)
    if found is None:
        return None
    start, end = _to_whole_words(text, found.dest_start, found.dest_end)
    there = text[start:end]
    same = _numbers(wanted) == _numbers(there) and _denials(wanted) == _denials(there)
    return Span(start, end) if same else None


def _to_whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and text[start - 1].isalnum() and start < len(text) and text[start].isalnum():
        start -= 1
    while 0 < end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _numbers(text: str) -> frozenset[str]:
    return frozenset(found.replace(",", "") for found in NUMBER.findall(text))


def _denials(text: str) -> Counter[str]:
    words = WORD.findall(text)
    return Counter(
        "not" if word.endswith("n't") else word for word in words if word in DENIALS or word.endswith("n't")
    )


@lru_cache(maxsize=128)
def _sentences(passage: str) -> tuple[tuple[Span, frozenset[str]], ...]:
    found = []
    for match in SENTENCE.finditer(passage):
        text = match.group()
        start = match.start() + len(text) - len(text.lstrip())
        if words := content_words(text):
            found.append((Span(start, match.start() + len(text.rstrip())), words))
    return tuple(found)


def _stem(word: str) -> str:
    """Cut the commonest English endings; alike words become one, and no more is needed."""
    word = word.removesuffix("'s")
    for ending in ("ations", "ation", "ingly", "ings", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].removesuffix("e")
    return word.removesuffix("e") if len(word) > 3 else word
