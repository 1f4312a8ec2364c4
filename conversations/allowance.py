"""A question against what its sender may still ask: one look at Redis before it is taken, one statement within.

A limit holds back answers of the AI, never words that lead to a person: a message that calls a coach, or that
is said to one, is taken whatever is used up.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts import quotas
from accounts.models import User
from accounts.quotas import Kind, Verdict, duration
from coaching import spending
from coaching.models import Reservation
from conversations.models import Interaction
from conversations.turns.accept import Accepted, Refusal, accept, retry
from conversations.turns.shortage import words_of

LONGEST_DRAFT = timedelta(seconds=45)
"""Nobody works any more on what is no turn and is older than this: a coach's draft has half a minute."""

AT_ONCE = 500
"""Reservations that one sweep gives back."""


class OverQuota(Refusal):
    """No answer of the AI may be asked for now. `verdict` has the numbers for the headers of an answer over HTTP."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(*_words(verdict), seconds=verdict.retry_after_s)
        self.verdict = verdict


def accept_within(
    *,
    member: User,
    conversation_id: UUID,
    client_id: UUID,
    text: str,
    now: datetime,
    worker: str = "",
    student_data: str = "",
) -> Accepted:
    """Take a client's message as `accept` does, if its sender may ask; a repeated one spends nothing.

    Raises:
        NotVisible, Refusal: as `accept` does; with the code `quota`, `quota_unavailable`, `monthly_limit` or
            `budget` and the seconds until it is possible again where an answer may not be asked for now.
    """

    def attempt(refusal: Refusal | None) -> Accepted:
        return accept(
            member=member,
            conversation_id=conversation_id,
            client_id=client_id,
            text=text,
            now=now,
            worker=worker,
            refusal=refusal,
            student_data=student_data,
        )

    return _spending(member, attempt)


def retry_within(
    *,
    member: User,
    conversation_id: UUID,
    reply_id: UUID,
    now: datetime,
    worker: str = "",
    client_id: UUID | None = None,
) -> Accepted:
    """Open a new turn as `retry` does, if its sender may ask; this spends as a new question does, repeated nothing.

    Raises:
        NotVisible, Refusal: as `retry` and `accept_within` do.
    """

    def attempt(refusal: Refusal | None) -> Accepted:
        return retry(
            member=member,
            conversation_id=conversation_id,
            reply_id=reply_id,
            now=now,
            worker=worker,
            client_id=client_id,
            refusal=refusal,
        )

    return _spending(member, attempt)


def _spending(member: User, attempt: Callable[[Refusal | None], Accepted]) -> Accepted:
    """Take a token, attempt, and give it back unless a turn was opened."""
    verdict = quotas.take(member=member, kind=Kind.AI_TURNS)
    if not verdict.allowed:
        return attempt(OverQuota(verdict))
    opened = False
    try:
        accepted = _attempt_twice(attempt)
        opened = accepted.reply is not None and not accepted.repeated
    finally:
        if not opened:
            quotas.give_back(member=member, kind=Kind.AI_TURNS)
    return replace(accepted, left=words_left(verdict)) if opened else accepted


def _attempt_twice(attempt: Callable[[Refusal | None], Accepted]) -> Accepted:
    """Attempt; where the month or the budget is used up, attempt once more without an answer of the AI."""
    try:
        return attempt(None)
    except Refusal as refusal:
        if refusal.seconds is None:
            raise
        return attempt(refusal)


def afford_draft(*, coach: User, organization_id: UUID, draft_id: UUID, question: str, now: datetime) -> None:
    """Spend a coach's token for a draft and set its money aside; the draft is settled under `draft_id`.

    Raises:
        Refusal: the coach may not ask now.
    """
    verdict = quotas.take(member=coach, kind=Kind.AI_TURNS)
    if not verdict.allowed:
        raise OverQuota(verdict)
    try:
        set_aside(
            member=coach,
            organization_id=organization_id,
            subject_id=draft_id,
            amount_usd=spending.most_an_answer_costs(question),
            now=now,
        )
    except Refusal:
        quotas.give_back(member=coach, kind=Kind.AI_TURNS)
        raise


def set_aside(
    *, member: User, organization_id: UUID, subject_id: UUID, amount_usd: Decimal, now: datetime
) -> None:
    """Set money of the member aside for what is no turn; it is settled under `subject_id`.

    Raises:
        Refusal: the day's budget is used up, or too much is under way.
    """
    with transaction.atomic(durable=True):
        shortage = spending.reserve(
            organization_id=organization_id,
            user_id=member.pk,
            subject_id=subject_id,
            amount_usd=amount_usd,
            messages=0,
            now=now,
        )
    if shortage is not None:
        raise Refusal(*words_of(shortage), seconds=shortage.retry_after_s)


def left(member: User) -> Verdict:
    """Return what the member may still ask, without spending any of it."""
    return quotas.peek(member=member, kind=Kind.AI_TURNS)


def words_left(verdict: Verdict) -> str:
    """Return what is left in words, once that is little; else nothing."""
    if not verdict.is_running_out:
        return ""
    if not verdict.allowed or not verdict.remaining:
        return f"No question to the AI is left for now; all {verdict.limit} in {duration(verdict.reset_s)}."
    questions = "question" if verdict.remaining == 1 else "questions"
    return (
        f"{verdict.remaining} {questions} left for now; all {verdict.limit} in {duration(verdict.reset_s)}."
    )


def words_of_scarcity(member: User, *, now: datetime) -> str:
    """Return in words that little is left of the organization's month or of the member's day; else nothing."""
    if member.organization_id is None:
        return ""
    found = spending.left(organization_id=member.organization_id, user_id=member.pk, now=now)
    said = []
    if found.month_is_running_out:
        said.append(
            f"Your organization has {found.messages:,} of its {found.of_messages:,} messages to the AI left this month."
        )
    if found.budget_is_running_out:
        share = int(100 * found.usd / found.of_usd)
        said.append(f"About {share} % is left of what the AI may cost you today.")
    return " ".join(said)


def abandoned(*, now: datetime) -> list[UUID]:
    """Return the answers for which money is set aside although nobody works on them any more."""
    unfinished = [Interaction.State.WAITING, Interaction.State.RUNNING]
    turns = Interaction.objects.filter(pk=OuterRef("pk"))
    ended = Exists(turns.exclude(state__in=unfinished))
    without_a_turn = Q(~Exists(turns), at__lt=now - LONGEST_DRAFT)
    return list(Reservation.objects.filter(ended | without_a_turn).values_list("pk", flat=True)[:AT_ONCE])


def _words(verdict: Verdict) -> tuple[str, str]:
    """Return the code and the text of a refusal."""
    if verdict.away:
        return (
            "quota_unavailable",
            "The AI cannot be asked just now. What you wrote is kept: send it again in a moment, or ask for a person.",
        )
    return (
        "quota",
        f"You have asked the AI as often as is possible for now. What you wrote is kept: you can send it in "
        f"{duration(verdict.retry_after_s)}, or ask for a person at any time.",
    )
