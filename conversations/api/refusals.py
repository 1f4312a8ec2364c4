"""How the API says what a verb has refused to take."""

from accounts.api_errors import Problem
from conversations import refusing
from conversations.turns.refusal import Refusal

STATUS_OF = {"empty": 400, "too_long": 400, "key_reused": 422}
"""Refusals of a message that are not conflicts with how things stand."""


def problem_of(refusal: Refusal, message: str = "") -> Problem:
    """Return why something was not taken: what waiting helps against says how long."""
    reason = {"reason": refusal.code}
    if refusal.seconds is None:
        return Problem(STATUS_OF.get(refusal.code, 409), refusal.text, details=reason)
    status, headers = refusing.status(refusal), refusing.headers(refusal)
    return Problem(status, message or refusal.text, details=reason, headers=headers)
