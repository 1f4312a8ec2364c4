"""The gate before a message is taken: likely student data is committed only once the educator has decided.

A crisis is never held up by it. What such a message holds is masked wherever a provider would read it, and so
is what a coach writes: nobody has decided about those words.
"""

from collections.abc import Sequence

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


def passed(text: str, *, decision: str, called: Sequence[escalation.Finding]) -> dict[str, object]:
    """Return what is kept with the message about the decision; nothing for a message without student data.

    Args:
        text: the message, cleaned.
        decision: what the educator said: `send`, `pseudonyms`, or nothing.
        called: what in the message calls a person.

    Raises:
        StudentDataFound: something was found and the educator has not said to send it.
    """
    found = student_data.find(text)
    if not found:
        return {METADATA: {"decision": PSEUDONYMS}} if decision == PSEUDONYMS else {}
    kinds = sorted({finding.kind for finding in found})
    if decision == SEND:
        return {METADATA: {"decision": SEND, "kinds": kinds}}
    if any(finding.reason == escalation.CRISIS for finding in called):
        return {METADATA: {"decision": NOT_ASKED, "kinds": kinds}}
    raise StudentDataFound


def for_provider(message: Message) -> str:
    """Return the words of a message as a provider may read them."""
    decision = message.metadata.get(METADATA, {}).get("decision")
    if decision == NOT_ASKED or message.sender_type == Message.Sender.HUMAN_COACH:
        return student_data.masked(message.content)
    return message.content
