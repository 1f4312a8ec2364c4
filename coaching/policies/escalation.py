"""When a person is needed: rules that run in microseconds, before any provider, and leave their trace."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

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


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern whose match asks for a person, unless an exception around it applies too."""

    name: str
    reason: str
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None

    def find(self, text: str) -> Finding | None:
        """Apply the rule to normalised text."""
        match = self.pattern.search(text)
        if match is None or (self.unless is not None and self.unless.search(text)):
            return None
        return Finding(self.reason, self.name, match.group(0))


def _rule(name: str, reason: str, pattern: str, unless: str = "") -> Rule:
    return Rule(
        name,
        reason,
        re.compile(pattern, re.IGNORECASE),
        re.compile(unless, re.IGNORECASE) if unless else None,
    )


RULES: tuple[Rule, ...] = (
    _rule(
        "suicide or self-harm",
        CRISIS,
        r"\b(?:kill(?:ing)? my ?self|end(?:ing)? (?:my (?:own )?life|it all)|tak(?:e|ing) my (?:own )?life"
        r"|suicid(?:e|al)|(?:hurt|harm|cut)(?:ting|ing)? my ?self|want(?:ed)? to die|wish i (?:was|were) dead"
        r"|better off (?:dead|without me)|no reason to (?:live|go on)|don'?t want to (?:live|be alive|wake up)"
        r"|can(?:no|')t go on(?: living)?)\b",
    ),
    _rule(
        "violence or danger",
        CRISIS,
        r"\b(?:going to (?:kill|shoot|stab|hurt) (?:him|her|them|someone|people)"
        r"|(?:he|she|my (?:husband|wife|partner|boyfriend|girlfriend|father|mother)) (?:hits?|beats?|hurts?) me"
        r"|brought a (?:gun|weapon|knife)|being abused|is abusing (?:me|a (?:child|student)))\b",
    ),
    _rule(
        "a decision with large consequences",
        HIGH_STAKES,
        r"\b(?:quit(?:ting)? (?:my job|teaching)|resign(?:ing)? (?:today|tomorrow|right now|from my (?:job|post))"
        r"|hand(?:ing)? in my (?:notice|resignation)|walk(?:ing)? out (?:right now|today|for good)"
        r"|su(?:e|ing) (?:the|my) (?:school|district)|file a (?:grievance|lawsuit|complaint against)"
        r"|fir(?:e|ing) (?:him|her|them|a teacher)|expel(?:ling)? (?:a|the|this) student)\b",
    ),
    _rule(
        "asks for a person",
        CLIENT_REQUEST,
        r"\b(?:(?:talk|speak|chat|connect(?: me)?|put me through|transfer(?: me)?|get me) (?:to|with|over to)? ?"
        r"(?:a |an |my |the |some |another |real |actual |live )*"
        r"(?:human|person|coach|someone|somebody|agent|representative|operator|people)"
        r"|(?:real|actual|live) (?:human|person|coach)|human (?:agent|coach|being)"
        r"|(?:need|want|would like|prefer) (?:a |an |my |to have a )?(?:human|real person|person to talk to)"
        r"|ask my coach|let me talk to someone)\b",
        unless=r"\b(?:are you (?:a |an )?(?:real |actual )?(?:human|person|bot|robot|ai)|am i (?:talking|speaking))\b",
    ),
)


def normalise(text: str) -> str:
    """Fold typographic quotes and runs of white space, which would hide a phrase from its rule."""
    return " ".join(text.replace("\u2019", "'").replace("\u2018", "'").split())


@lru_cache(maxsize=512)
def phrase_rule(phrase: str) -> Rule:
    """Return the rule for one phrase of a coach: whole words, any case, any white space."""
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return _rule("a phrase of the coach", ESCALATION_RULE, rf"(?<!\w){words}(?!\w)")


def screen(text: str, *, phrases: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Return what in `text` asks for a person, most urgent first; empty when nothing does."""
    plain = normalise(text)
    rules = (*RULES, *(phrase_rule(phrase) for phrase in phrases if phrase.strip()))
    found = [finding for rule in rules if (finding := rule.find(plain)) is not None]
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
