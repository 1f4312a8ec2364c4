"""The gate before a message is taken: likely student data is committed only once the educator has decided.

A crisis is never held up by it. What such a message holds is masked wherever a provider would read it, and so
is what a coach writes: nobody has decided about those words.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from coaching.policies import escalation, student_data
from conversations.models import Message
from conversations.turns.refusal import Refusal

SEND = "send"
"""The educator has seen what was found and sends the words as they are."""
PSEUDONYMS = "pseudonyms"
"""The educator has put pseudonyms in."""
NOT_ASKED = "not_asked"
"""The words called for help at once, and nobody was asked about the names in them."""

METADATA = "student_data"


class StudentDataFound(Refusal):
    """The message seems to name a student; it waits for the educator's choice."""

    def __init__(self) -> None:
        super().__init__(
            "student_data",
            "This message seems to name a student. Use a pseudonym, change it, or send it as it is.",
        )


def calling(
    text: str, *, phrases: Sequence[str], names_a_student: bool = True
) -> Sequence[escalation.Finding]:
    """Return what in a message calls a person.

    The rules know "a student", not Maria: where a name may be in it they read the text without it, too.
    """
    called = escalation.screen(text, phrases=phrases)
    if called or not names_a_student:
        return called
    return escalation.screen(student_data.masked(text), phrases=phrases)


def screened(
    text: str, *, phrases: Sequence[str], decision: str
) -> tuple[Sequence[escalation.Finding], dict[str, object]]:
    """Return what in a message calls a person, and what is kept with it about student data.

    Args:
        text: the message, cleaned.
        phrases: the coach's own phrases that call a person.
        decision: what the educator said about student data: `send`, `pseudonyms`, or nothing.

    Raises:
        StudentDataFound: something was found, the educator has not said to send it, and it is no crisis.
    """
    found = student_data.find(text)
    called = calling(text, phrases=phrases, names_a_student=bool(found))
    if not found:
        return called, {METADATA: {"decision": PSEUDONYMS}} if decision == PSEUDONYMS else {}
    kinds = sorted({finding.kind for finding in found})
    if decision == SEND:
        return called, {METADATA: {"decision": SEND, "kinds": kinds}}
    if any(finding.reason == escalation.CRISIS for finding in called):
        return called, {METADATA: {"decision": NOT_ASKED, "kinds": kinds}}
    raise StudentDataFound


class Spoken(Protocol):
    """What decides over how a message is passed on, of a row or of a part of it."""

    @property
    def sender_type(self) -> str:
        """Who speaks."""
        ...

    @property
    def content(self) -> str:
        """The words."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What was kept about the decision."""
        ...


def for_provider(message: Spoken) -> str:
    """Return the words of a message as a provider may read them."""
    decision = message.metadata.get(METADATA, {}).get("decision")
    if decision == NOT_ASKED or message.sender_type == Message.Sender.HUMAN_COACH:
        return student_data.masked(message.content)
    return message.content
