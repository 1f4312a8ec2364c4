"""Likely student data in a message, found before it is sent: plain rules that name the place and the reason.

Nothing here decides anything: the educator does. A rule that errs costs one click, and one that misses is no
worse than no rule at all. Every pattern is made of fixed words and bounded repetitions, so that its time grows
with the length of the text. Offsets are characters (code points) of the text that was given.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from coaching.policies.given_names import AUTHORS, CAPITAL_ONLY, GIVEN, NO_NAMES

NAME = "name"
BIRTH_DATE = "birth_date"
ID_NUMBER = "id_number"
EMAIL = "email"
PHONE = "phone"

PLACEHOLDERS = {
    BIRTH_DATE: "[birth date]",
    ID_NUMBER: "[student number]",
    EMAIL: "[email address]",
    PHONE: "[phone number]",
}
"""What stands in for everything but a name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A place in the text that looks like student data, and the rule that says so in words."""

    kind: str
    start: int
    end: int
    rule: str

    def of(self, text: str) -> str:
        """Return the words themselves."""
        return text[self.start : self.end]


_CUES = (
    *("student", "pupil", "learner", "kid", "child", "boy", "girl", "grade", "class", "year ", "roll"),
    *("homeroom", "period ", "kindergarten", "iep", "504", "adhd", "autis", "dyslex", "special ed", "ehcp"),
    *("mom", "mum", "mother", "father", "dad", "parent", "guardian", "homework", "detention", "suspen"),
    *(
        "absent",
        "attendance",
        "tardy",
        "bull",
        "meltdown",
        "tantrum",
        "failing",
        "failed",
        "scored",
        "reads at",
    ),
    *("reading at", "diagnos", "behind in", "counselor", "sped", "ell ", "foster"),
)
"""Pieces of text (lower case) without one of which no rule for names can apply; looking for them costs little."""

_DIGIT = re.compile(r"\d")
_MARKS = re.compile(r"\b\d{1,2}[a-hA-H]\b|\d ?(?:%|/|$)", re.MULTILINE)
"""A class such as 4B, or marks at the end of a line."""
_WORD = r"[^\W\d_][\w'\u2019-]{0,30}"
_CAPITAL = r"(?-i:[A-Z\u00c0-\u00de])[\w'\u2019-]{0,30}"
_FULL = rf"{_CAPITAL}(?: (?-i:[A-Z])\.)?(?: {_CAPITAL}){{0,2}}"
_STUDENT = r"(?:students?|pupils?|learners?|kids?|child(?:ren)?|boys?|girls?|(?:\w{1,10}[- ])?graders?)"
_CLASS = (
    r"(?:(?:1st|2nd|3rd|[4-9]th|1[0-2]th|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"
    r"|eleventh|twelfth)[- ]grade(?:r)?|(?:grade|year|class|period|section|roll(?: no\.?| number)?) (?:no\.? )?\d{1,3}\w?"
    r"|\d{1,2}[a-h]\b|kindergarten|homeroom|my (?:\w{1,12} ){0,2}(?:class|group|homeroom)\b)"
)
_THINGS = (
    r"(?:iep|504|ehcp|mom|mum|mother|father|dad|parents?|family|grand\w{1,8}|guardians?|foster|aunt|uncle|sister|brother"
    r"|grades?|scores?|tests?|quiz|homework|essay|attendance|absences|behaviou?r|reading|writing sample|diagnosis"
    r"|medication|accommodations?|transcript|file|records?|progress report|report card|meltdowns?|tantrums?|outbursts?)"
)
_TROUBLE = (
    r"(?:adhd|add\b|autis\w{1,4}|asd\b|dyslexi\w{1,2}|dyscalculi\w{1,2}|an iep|a 504|special ed|speech delay|anxiety"
    r"|suspended|expelled|detention|failing|failed|absent|tardy|bull(?:y|ied|ying|ies)|meltdowns?|tantrums?"
    r"|diagnos\w{1,5}|reads? at|reading at|scor(?:ed|es)|below grade|behind in|held back|retained|skip(?:s|ped|ping)"
    r"|homeless|foster|abused|hits?\b|bites?\b|throws?\b)"
)
_VERB = r"(?:has|is|was|got|gets|keeps|had|hasn't|isn't|wasn't|has been|were|struggles with|deals with|suffers from)"

_AFTER_STUDENT = re.compile(
    rf"\b{_STUDENT}(?:['\u2019]s names? (?:is|are)|[,:]? (?:is |are |who is |who are )?(?:named|called)|,? whose name is"
    rf"|[,:])? (?P<name>{_WORD}(?: {_CAPITAL}){{0,2}})(?P<more>(?:, {_CAPITAL}){{0,8}}(?:,? (?:and|or) {_CAPITAL})?)",
    re.IGNORECASE,
)
_RULES = (
    (
        "a name beside a grade or class",
        re.compile(
            rf"\b(?P<name>{_FULL})(?:,? (?:who is |is |was |from |in |of |a |an |the |my |our ){{0,3}}| ?\(| ?[-\u2013] ?){_CLASS}",
            re.IGNORECASE,
        ),
    ),
    (
        "a name beside a grade or class",
        re.compile(
            rf"\b{_CLASS}(?:,| student| pupil|:| ?[-\u2013]| is| named| called)? (?P<name>{_FULL})",
            re.IGNORECASE,
        ),
    ),
    (
        "a name with a child's family, plan or marks",
        re.compile(rf"\b(?P<name>{_FULL}?)['\u2019]s? (?:\w{{1,12}} ){{0,1}}{_THINGS}\b", re.IGNORECASE),
    ),
    (
        "a name with a diagnosis, marks or behavior",
        re.compile(rf"\b(?P<name>{_FULL}) (?:{_VERB} )?(?:\w{{1,12}} ){{0,2}}{_TROUBLE}", re.IGNORECASE),
    ),
    (
        "a name with a child's family, plan or marks",
        re.compile(
            rf"\b(?:mom|mum|mother|father|dad|parents?|guardians?|family|iep|504 plan|ehcp) (?:of|for) (?P<name>{_FULL})",
            re.IGNORECASE,
        ),
    ),
)
_ROSTER = re.compile(
    rf"^[ \t]*(?:\d{{1,2}}[.)] )?(?P<name>{_CAPITAL}(?:,? {_CAPITAL}){{1,2}})[ \t]*[,:;|\t-][ \t]*\d{{1,3}}(?:[.,]\d)? ?(?:%|/|points?\b|$)",
    re.MULTILINE,
)
_SENTENCE = re.compile(r"[^.!?\n]{1,400}")
_ONE_WORD = re.compile(_WORD)
_CHILD = re.compile(
    rf"\b(?:{_STUDENT}|{_CLASS}|{_TROUBLE}|iep|504|homework|mom|mum|mother|father|dad|parents|guardian)\b",
    re.IGNORECASE,
)
"""What a sentence about a child holds."""
_ADULT_BEFORE = re.compile(
    r"(?:\b(?:mr|mrs|ms|miss|mx|dr|prof|sir|coach|principal|teachers?|colleagues?|co-?teachers?|professor|author"
    r"|researcher|counselor|assistant|aide|para|psychologist|specialist|nurse|superintendent|director|mentor|mentee"
    r"|partner|friend|husband|wife|department head|head of \w{1,12}|chair|dean|i am|i'm|my name is|by|hi|hello|hey|dear"
    r"|thanks|thank you|saint|st))[.,]? (?:\w{1,12} )?$",
    re.IGNORECASE,
)
_ADULT_AFTER = re.compile(
    r"^(?:['\u2019]s? (?:\w{1,12} ){0,2}(?:class(?:room|es)?|students|pupils|kids|lessons?|teaching|team|room|instruction"
    r"|book|work on|research|model|study|framework|theory|taxonomy|stages|approach|graders|plc|principal)\b"
    r"| (?:\w{1,12} ){0,1}(?:teach(?:es|ing)?|taught|coaches|coached|co-teach\w{0,3}|facilitat\w{1,3}|chairs|leads|led|argues"
    r"|writes|wrote|says that|found that|and i\b|and me\b|our|the (?:new )?(?:principal|teacher|coach|counselor)))",
    re.IGNORECASE,
)

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_PHONE = re.compile(
    r"(?<![\w.-])(?:\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,4}\d{2,4}|\(\d{3}\) ?\d{3}[ .-]?\d{4}"
    r"|\d{3}[ .-]\d{3}[ .-]\d{4}|0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4})(?![\w-])"
)
_DATE = (
    r"(?:\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{4}-\d{2}-\d{2}"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w{0,6}\.? \d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?"
    r"|\d{1,2}(?:st|nd|rd|th)?(?: of)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w{0,6}\.?(?:,? \d{4})?)"
)
_BORN = re.compile(
    rf"\b(?:born(?: on| in)?|birth ?da(?:y|te)(?: is| was)?(?: on)?|date of birth|d\.?o\.?b\.?)[:,]? (?:is |on )?(?P<date>{_DATE})",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\b(?:(?:student|pupil|learner|state|school|district|case|lunch) (?:id|number|no\.?|#)|(?:s?id|upn|uln|sis|ssn|lasid|sasid)"
    r"(?: number| no\.?)?|roll (?:no\.?|number)|admission (?:no\.?|number))[:#]? ?(?:is |was )?#?(?P<number>[A-Z]{0,3}-?\d[\dA-Z-]{0,14})\b",
    re.IGNORECASE,
)
_SOCIAL = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")


def find(text: str) -> tuple[Finding, ...]:
    """Return what in `text` looks like student data, in the order of the text, without overlaps."""
    lowered = text.lower()
    found: list[Finding] = []
    if "@" in text:
        found += (Finding(EMAIL, *each.span(), "an email address") for each in _EMAIL.finditer(text))
    has_digits = _DIGIT.search(text) is not None
    if has_digits:
        found += _numbers(text)
    if any(cue in lowered for cue in _CUES) or (has_digits and _MARKS.search(text)):
        found += _names(text)
    return _apart(found) if found else ()


def _numbers(text: str) -> Iterator[Finding]:
    yield from (Finding(BIRTH_DATE, *each.span("date"), "a birth date") for each in _BORN.finditer(text))
    yield from (
        Finding(ID_NUMBER, *each.span("number"), "a student's number") for each in _NUMBER.finditer(text)
    )
    yield from (
        Finding(ID_NUMBER, *each.span(), "a social security number") for each in _SOCIAL.finditer(text)
    )
    yield from (Finding(PHONE, *each.span(), "a phone number") for each in _PHONE.finditer(text))


def _apart(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings in order; of two that overlap, the one that begins first, and then the longer.

    Names that stand side by side are the names of one person.
    """
    kept: list[Finding] = []
    for each in sorted(found, key=lambda finding: (finding.start, -finding.end)):
        last = kept[-1] if kept else None
        if last is not None and last.kind == each.kind == NAME and last.end <= each.start <= last.end + 1:
            kept[-1] = replace(last, end=each.end)
        elif last is None or each.start >= last.end:
            kept.append(each)
    return tuple(kept)


# --- Names ---


def _names(text: str) -> list[Finding]:
    """Return the names, and then every other place where one of them stands."""
    found = list(chain(_after_student(text), _by_rule(text), _roster(text), _given(text)))
    return [*found, *_again(text, found)] if found else []


def _after_student(text: str) -> Iterator[Finding]:
    for each in _AFTER_STUDENT.finditer(text):
        first = _trimmed(text, *each.span("name"))
        if first is None or not _is_named(text, *first):
            continue
        yield Finding(NAME, *first, "a name after a word for a student")
        for other in re.finditer(_CAPITAL, each["more"]):
            start, end = (each.start("more") + place for place in other.span())
            if other[0].lower() not in NO_NAMES:
                yield Finding(NAME, start, end, "a name after a word for a student")


def _is_named(text: str, start: int, end: int) -> bool:
    """Whether what follows a word for a student is a name: capitalized, or a known one in small letters."""
    word = text[start:end]
    if word[0].isupper():
        return len(word) > 1
    return word.lower() in GIVEN - CAPITAL_ONLY


def _by_rule(text: str) -> Iterator[Finding]:
    for rule, pattern in _RULES:
        for each in pattern.finditer(text):
            place = _trimmed(text, *each.span("name"))
            if place is not None and len(text[slice(*place)]) > 1 and not _is_adult(text, *place):
                yield Finding(NAME, *place, rule)


def _roster(text: str) -> Iterator[Finding]:
    lines = list(_ROSTER.finditer(text))
    if len(lines) < 2:  # one such line may be anything
        return
    for each in lines:
        place = _trimmed(text, *each.span("name"))
        if place is not None:
            yield Finding(NAME, *place, "a list of names with marks")


def _given(text: str) -> Iterator[Finding]:
    """Find known given names in sentences that speak of a child, by something else than a pronoun."""
    for sentence in _SENTENCE.finditer(text):
        if _CHILD.search(sentence[0]) is None:
            continue
        for word in _ONE_WORD.finditer(text, *sentence.span()):
            plain = word[0].lower().removesuffix("'s").removesuffix("\u2019s")
            if plain not in GIVEN or (plain in CAPITAL_ONLY and not word[0][0].isupper()):
                continue
            start, end = word.start(), word.start() + len(plain)
            if not _is_adult(text, start, end):
                yield Finding(NAME, start, end, "a given name in a sentence about a child")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the place without words around it that are no names, or None when nothing is left."""
    words = [(start + each.start(), start + each.end()) for each in re.finditer(_WORD, text[start:end])]
    words = [(first, _without_possessive(text, first, last)) for first, last in words]
    while words and text[slice(*words[0])].lower() in NO_NAMES:
        words.pop(0)
    for place, word in enumerate(words):
        if text[slice(*word)].lower() in NO_NAMES:
            words = words[:place]
            break
    if not words or any(text[slice(*word)].lower() in AUTHORS for word in words):
        return None
    return words[0][0], words[-1][1]


def _without_possessive(text: str, start: int, end: int) -> int:
    return end - 2 if text[start:end].endswith(("'s", "\u2019s")) else end


def _is_adult(text: str, start: int, end: int) -> bool:
    """Whether what stands around a name says that it is a teacher's, an author's or the writer's own."""
    before, after = text[max(0, start - 40) : start], text[end : end + 60]
    following = _ONE_WORD.match(after.lstrip())
    if following is not None and following[0].lower().removesuffix("'s") in AUTHORS:
        return True
    return _ADULT_BEFORE.search(before) is not None or _ADULT_AFTER.match(after) is not None


def _again(text: str, found: Iterable[Finding]) -> Iterator[Finding]:
    """Find the names anew wherever else they stand, whole or in part."""
    known = {word for each in found for word in _ONE_WORD.findall(each.of(text)) if len(word) > 2}
    if known:
        pattern = rf"\b(?:{'|'.join(sorted(map(re.escape, known)))})\b"
        for each in re.finditer(pattern, text):
            yield Finding(NAME, *each.span(), "the same name again")


# --- What stands in for it ---


def replaced(text: str, findings: Iterable[Finding], name_for: Callable[[str], str]) -> str:
    """Return the text with a pseudonym for each name, and a plain word in brackets for anything else."""
    pieces, at = [], 0
    for each in findings:
        pieces += [text[at : each.start], _stand_in(each, each.of(text), name_for)]
        at = each.end
    return "".join([*pieces, text[at:]])


def _stand_in(finding: Finding, words: str, name_for: Callable[[str], str]) -> str:
    return name_for(words) if finding.kind == NAME else PLACEHOLDERS[finding.kind]


def masked(text: str) -> str:
    """Return the text as a provider may see it when nobody has decided: without anything that was found."""
    return replaced(text, find(text), lambda _name: "a student")
