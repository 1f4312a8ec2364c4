"""The question to an educator whose message seems to name a student, as a page and as an event."""

from dataclasses import asdict
from uuid import UUID

from django.template.loader import render_to_string

from accounts.models import User
from conversations import pseudonyms
from conversations.events import StudentDataRefused
from conversations.frames import Say
from conversations.turns.student_gate import StudentDataFound

QUESTION = "conversations/partials/student_data.html"


def questioned(
    member: User, conversation_id: UUID, frame: Say, found: StudentDataFound
) -> StudentDataRefused:
    """Return the event that asks the educator what to do about the student data in a message.

    Raises:
        NotVisible, Refusal: as `pseudonyms.propose` does.
    """
    proposal = pseudonyms.propose(member=member, conversation_id=conversation_id, text=frame.text)
    return StudentDataRefused(
        code=found.code,
        text=found.text,
        client_id=frame.client_id,
        draft=proposal.draft,
        findings=[asdict(each) for each in proposal.findings],
        suggestion=proposal.suggestion,
        html=render_to_string(QUESTION, {"question": proposal, "by_script": True}),
    )
