"""When a person is needed: rules that run in microseconds, before any provider, and leave their trace."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from coaching.policies.crisis_phrases import (
    BURDEN,
    METHODS,
    NO_LONGER_HERE,
    OWN_DEATH,
    SELF_HARM,
    SUICIDAL,
    WISH_TO_DIE,
)
from coaching.policies.danger_phrases import EMERGENCY, SOMEBODY_ELSE, VIOLENCE
from coaching.policies.person_phrases import ASKS_FOR_PERSON
from coaching.policies.person_phrases import HIGH_STAKES as HIGH_STAKES_DECISION
from coaching.policies.phrases import Phrase, normalise

__all__ = [
    "AI_MUST_WAIT",
    "ANSWERED_BY_ASKING",
    "CLIENT_REQUEST",
    "CRISIS",
    "ESCALATION_RULE",
    "HIGH_STAKES",
    "LOW_CONFIDENCE",
    "RULES",
    "URGENCY",
    "Finding",
    "is_substantial",
    "kinds_of_crisis",
    "normalise",
    "screen",
]

CRISIS = "crisis"
HIGH_STAKES = "high_stakes_decision"
CLIENT_REQUEST = "client_request"
ESCALATION_RULE = "escalation_rule"
LOW_CONFIDENCE = "low_confidence"

URGENCY = {
    CRISIS: 100,
    HIGH_STAKES: 80,
    "negative_sentiment": 60,
    "repeated_failure": 50,
    CLIENT_REQUEST: 40,
    ESCALATION_RULE: 35,
    LOW_CONFIDENCE: 20,
    "coach_initiative": 10,
}
"""How soon a person should look, by reason; higher comes first in the queue."""

AI_MUST_WAIT = frozenset({CRISIS, HIGH_STAKES})
"""Reasons for which the AI says nothing more until a person has been there."""

ANSWERED_BY_ASKING = AI_MUST_WAIT | {CLIENT_REQUEST}
"""Reasons for which asking a person is the answer: the AI adds nothing to that message."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that applied, with the words it applied to."""

    reason: str
    rule: str
    matched: str

    @property
    def urgency(self) -> int:
        """How soon a person should look."""
        return URGENCY[self.reason]

    def as_trace(self) -> dict[str, str]:
        """The rule for the trace. The client's words stay in the message, so the match is not repeated."""
        return {"reason": self.reason, "rule": self.rule}


RULES: tuple[tuple[str, Phrase], ...] = (
    (CRISIS, OWN_DEATH),
    (CRISIS, WISH_TO_DIE),
    (CRISIS, NO_LONGER_HERE),
    (CRISIS, BURDEN),
    (CRISIS, SUICIDAL),
    (CRISIS, METHODS),
    (CRISIS, SELF_HARM),
    (CRISIS, SOMEBODY_ELSE),
    (CRISIS, VIOLENCE),
    (CRISIS, EMERGENCY),
    (HIGH_STAKES, HIGH_STAKES_DECISION),
    (CLIENT_REQUEST, ASKS_FOR_PERSON),
)
"""The built-in rules with their reasons; each leaves its own trace."""


DANGER = frozenset({SOMEBODY_ELSE.name, VIOLENCE.name, EMERGENCY.name})
"""Rules of a crisis in which somebody, a child perhaps, is in danger; the others are about the writer's own life."""


def kinds_of_crisis(trace: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Return what the crises of a trace are about: ``despair``, ``danger``, both, or nothing where there is none."""
    rules = {each["rule"] for each in trace if each["reason"] == CRISIS}
    return frozenset("danger" if rule in DANGER else "despair" for rule in rules)


@lru_cache(maxsize=512)
def phrase_rule(text: str) -> Phrase:
    """Return the rule for one phrase of a coach: whole words, any case, any white space."""
    return Phrase("a phrase of the coach", re.compile(rf"(?<!\w){re.escape(normalise(text))}(?!\w)"))


def screen(text: str, *, phrases: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Return what in `text` asks for a person, most urgent first; empty when nothing does."""
    plain = normalise(text)
    own = ((ESCALATION_RULE, phrase_rule(phrase)) for phrase in phrases if normalise(phrase))
    found = [
        Finding(reason, rule.name, matched)
        for reason, rule in (*RULES, *own)
        if (matched := rule.find(plain)) is not None
    ]
    return tuple(sorted(found, key=lambda finding: -finding.urgency))


_COURTESY = re.compile(
    r"^\W*(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks?(?: you)?(?: so much| very much)?|thx|ok(?:ay)?"
    r"|great|perfect|bye|goodbye|see you|yes|no|sure|cool|got it|that helps|you'?re welcome)\b[\w\s,!.']{0,40}$",
    re.IGNORECASE,
)


def is_substantial(text: str) -> bool:
    """Whether a message asks or tells something that sources could support; courtesies do not."""
    plain = normalise(text)
    return len(re.findall(r"\w+", plain)) >= 4 and _COURTESY.match(plain) is None
