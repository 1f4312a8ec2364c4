"""What speaks for a sentence of the sources as the answer to a question: a table of plain features.

The words of a question weigh as much as they are rare, in general and among the sources. A sentence covers
a word when it has it, or a near relative of it; its neighbours, its passage and the title of its document cover it too,
and are looked at by themselves. Of a recording, who says a sentence belongs to it.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise

from coaching.providers.ports import SourceText
from coaching.providers.sentences import Sentence, split_sentences
from coaching.providers.words import (
    PREFIX,
    PREFIX_FROM,
    SILENT,
    WORD,
    contrasts,
    is_negated,
    stem,
    stems,
)

RELATED = 0.7
"""What a relative of a word counts for the word itself."""
SAYING = "say said says"
"""What anybody does who speaks in a recording."""
NUMBER = re.compile(
    r"\b(?:\d[\d,.]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred"
    r"|thousand|million|billion|half|third|quarter|dozen|several|percent|first|second|once|twice)\b",
    re.IGNORECASE,
)
TIME = re.compile(
    r"\b(?:1\d{3}|20\d\d|centur(?:y|ies)|decades?|January|February|March|April|May|June|July|August|September|October"
    r"|November|December|\d{1,4}\s?(?:BC|AD|BCE|CE)|years?|months?|weeks?|today|spring|summer|autumn|winter"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b"
)
NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w'\u2019.-]*")
REASON = re.compile(
    r"\b(?:because|since|due|so that|in order|to|reason|caus\w+|therefore|result)\b", re.IGNORECASE
)
MEANING = re.compile(r"\b(?:means?|refers?|is an?|is the|are|called|known as|defined)\b", re.IGNORECASE)
KINDS = (
    ("number", re.compile(
        r"\bhow (?:many|much|long|old|far|tall|large|big|high|fast|often)\b|\bpercent|\bwhat (?:number|amount)"
        r"|\bnumber of\b"), NUMBER),
    ("time", re.compile(r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century|time|period)\b"), TIME),
    ("person", re.compile(r"\bwho(?:m|se)?\b"), NAME),
    ("place", re.compile(
        r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|location|region|town|county)\b"), NAME),
    ("reason", re.compile(r"\bwhy\b"), REASON),
    ("manner", re.compile(r"\bhow\b"), None),
    ("meaning", re.compile(r"^what (?:is|are|was|were) (?:an? |the )?[\w-]+(?: [\w-]+)?\?|\bwhat does .* mean\b"), MEANING),
)  # fmt: skip
"""Kinds of question: how they are asked, and what a sentence that answers them has."""


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the question: `weight` says how much hangs on it, `named` that it is a name or a number."""

    stem: str
    weight: float
    named: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A question, read once."""

    text: str
    terms: tuple[Term, ...]
    kind: str
    cue: re.Pattern[str] | None
    negated: bool
    contrasts: frozenset[str]
    pairs: tuple[tuple[str, str], ...]
    words: frozenset[str]


@dataclass(slots=True)
class Features:
    """What speaks for one sentence. Coverage is the share, 0 to 1, of the weight of the question's words."""

    sentence: float = 0.0
    """coverage by the sentence itself"""
    nearby: float = 0.0
    """coverage by the sentence, its neighbours and the title"""
    passage: float = 0.0
    """coverage by the passage and the title"""
    missing_sentence: float = 0.0
    """weight of the heaviest word that the sentence lacks"""
    missing_nearby: float = 0.0
    missing_passage: float = 0.0
    names_sentence: float = 0.0
    """names and numbers of the question that the sentence lacks"""
    names_nearby: float = 0.0
    names_passage: float = 0.0
    order: float = 0.0
    """share of the neighbouring pairs of the question's words that follow each other here, too"""
    cue: float = 0.0
    """has what this kind of question asks for: a number, a time, a name, a reason, a meaning"""
    rank: float = 0.0
    """place of the passage in the retrieval, the first 0"""
    length: float = 0.0
    """logarithm of the number of words that say something"""
    denial: float = 0.0
    """the question denies, the sentence does not"""
    contrast: float = 0.0
    """words like "before" or "least" of the question that the sentence lacks"""
    similarity: float = 0.0
    """cosine of question and sentence, as far as it was computed"""


FEATURES = tuple(each.name for each in fields(Features))


@dataclass(slots=True)
class Candidate:
    """A sentence that might be quoted."""

    source: int
    """index among the sources"""
    position: int
    """index among the sentences of its passage"""
    sentence: Sentence
    features: Features
    speaker: str = ""
    """Who says it, where the question names them."""

    @property
    def told(self) -> str:
        """The sentence as somebody else would tell it."""
        return f"{self.speaker} said: {self.sentence.text}" if self.speaker else self.sentence.text


@dataclass(slots=True)
class _Text:
    """The stems of a stretch of text, in order and as a set, and the beginnings of the long ones."""

    ordered: list[str]
    known: frozenset[str] = field(init=False)
    beginnings: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.known = frozenset(self.ordered)
        self.beginnings = frozenset(each[:PREFIX] for each in self.known if len(each) >= PREFIX)

    def covers(self, stem_: str) -> float:
        if stem_ in self.known:
            return 1.0
        return RELATED if len(stem_) >= PREFIX_FROM and stem_[:PREFIX] in self.beginnings else 0.0


_Covered = tuple[float, float, float]
"""The covered share of the question's weight, the heaviest missing weight, and the names missing."""


def gather(
    question: str, sources: Sequence[SourceText], rarity: Callable[[str], float]
) -> tuple[Question, list[Candidate]]:
    """Read the question against the sources; return it and every sentence that can be quoted, in reading order."""
    sentences = [split_sentences(source.text) for source in sources]
    texts = [
        [_text_of(source, each) for each in passage]
        for source, passage in zip(sources, sentences, strict=True)
    ]
    read = read_question(question, [text for passage in texts for text in passage], rarity)
    candidates = []
    for index, source in enumerate(sources):
        title = stems(source.title)
        whole = _coverage(
            read.terms, _Text([*title, *(each for text in texts[index] for each in text.ordered)])
        )
        for position, sentence in enumerate(sentences[index]):
            if not sentence.quotable:
                continue
            near = texts[index][max(0, position - 1) : position + 2]
            around = _coverage(read.terms, _Text([*title, *(each for text in near for each in text.ordered)]))
            features = _features(read, sentence.text, texts[index][position], around, whole)
            features.rank = float(index)
            speaker = source.speaker_at(sentence.start)
            named = speaker if _names(read, speaker) else ""
            candidates.append(Candidate(index, position, sentence, features, named))
    return read, _of_whom_it_is_asked(candidates)


def _names(question: Question, speaker: str) -> bool:
    """Whether the question has a part of the name; "Speaker 1" is named by both of its parts, by no other 1."""
    name = set(stems(speaker))
    numbers = {each for each in name if each.isdigit()}
    return numbers <= question.words and not question.words.isdisjoint(name - numbers)


def _of_whom_it_is_asked(candidates: list[Candidate]) -> list[Candidate]:
    """Leave out what others say where the question names a speaker, unless they speak of whom it names."""
    if not any(each.speaker for each in candidates):
        return candidates
    return [each for each in candidates if each.speaker or not each.features.names_sentence]


def _text_of(source: SourceText, sentence: Sentence) -> _Text:
    """Return what a sentence covers: its words, and of a recording that somebody says them, and who."""
    speaker = source.speaker_at(sentence.start)
    return _Text([*(stems(f"{speaker} {SAYING}") if speaker else ()), *stems(sentence.text)])


def read_question(text: str, against: Sequence[_Text], rarity: Callable[[str], float]) -> Question:
    """Weigh the words of a question by their rarity, in general and among the sentences `against`."""
    words = [word for word in WORD.findall(text) if word.lower() not in SILENT]
    first = next(iter(WORD.findall(text)), "")
    said: dict[str, str] = {}
    for word in words:
        said.setdefault(stem(word.lower()), word)
    ordered = [stem(word.lower()) for word in words]
    kind, cue = next(
        ((kind, cue) for kind, asked, cue in KINDS if asked.search(text.lower())), ("thing", None)
    )
    return Question(
        text=text,
        terms=tuple(_term(each, word, word != first, against, rarity) for each, word in said.items()),
        kind=kind,
        cue=cue,
        negated=is_negated(text),
        contrasts=contrasts(text),
        pairs=tuple(pairwise(ordered)),
        words=frozenset(word.lower() for word in WORD.findall(text)) | frozenset(said),
    )


def _term(
    stem_: str, word: str, may_be_name: bool, against: Sequence[_Text], rarity: Callable[[str], float]
) -> Term:
    number = any(character.isdigit() for character in word)
    named = number or (may_be_name and word[0].isupper())
    general = max(rarity(word.lower()), 0.6 if named else 0.0)
    having = sum(stem_ in text.known for text in against) + 0.5
    every = max(len(against), 1)
    local = math.log(1 + every / having) / math.log(1 + every / 0.5)
    return Term(stem_, general * (0.4 + 0.6 * local), named)


def _features(question: Question, shown: str, own: _Text, nearby: _Covered, passage: _Covered) -> Features:
    sentence = _coverage(question.terms, own)
    return Features(
        sentence=sentence[0], missing_sentence=sentence[1], names_sentence=sentence[2],
        nearby=nearby[0], missing_nearby=nearby[1], names_nearby=nearby[2],
        passage=passage[0], missing_passage=passage[1], names_passage=passage[2],
        order=_order(question.pairs, own),
        cue=_has_cue(question, shown),
        length=math.log(1 + len(own.known)),
        denial=float(question.negated and not is_negated(shown)),
        contrast=float(len(question.contrasts - contrasts(shown)) if question.contrasts else 0),
    )  # fmt: skip


def _coverage(terms: Sequence[Term], text: _Text) -> _Covered:
    total, heaviest, names = 0.0, 0.0, 0.0
    covered = 0.0
    for term in terms:
        share = text.covers(term.stem)
        total += term.weight
        covered += term.weight * share
        heaviest = max(heaviest, term.weight * (1 - share))
        names += term.named * (1 - share)
    return (covered / total if total else 0.0), heaviest, names


def _order(pairs: Sequence[tuple[str, str]], text: _Text) -> float:
    places = {each: place for place, each in enumerate(text.ordered)}
    following = sum(
        1 for one, two in pairs if one in places and two in places and 0 < places[two] - places[one] <= 3
    )
    return following / len(pairs) if pairs else 0.0


def _has_cue(question: Question, shown: str) -> float:
    if question.cue is None:
        return 1.0
    found = (match.group().lower().strip(".'\u2019") for match in question.cue.finditer(shown))
    return float(any(word not in question.words and stem(word) not in question.words for word in found))
