"""The statements by which a turn is accepted, read and settled, written out.

They run for every message; composed by the ORM they cost the web process several times what they do now
(`benchmarks/turn_steps.py`). Each runs inside the caller's transaction, or alone where it says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from accounts import prepared
from conversations.models import Conversation, Interaction, Message

_SPEAKING = (
    *("id", "organization_id", "owner_id", "coach_id", "title", "status", "visibility"),
    *("owner_state", "epoch", "holder_id", "last_sequence", "updated_at"),
)
_LOCK_TO_SPEAK = f"""
    SELECT {", ".join(f"c.{name}" for name in _SPEAKING)}, o.idle_minutes, p.escalation_phrases
    FROM conversations_conversation c
    JOIN accounts_organization o ON o.id = c.organization_id
    LEFT JOIN coaching_persona p ON p.coach_id = c.coach_id
    WHERE c.id = %s AND c.owner_id = %s AND c.deleted_at IS NULL
    FOR UPDATE OF c
"""  # noqa: S608 - names of columns
_STANDING = """
    SELECT EXISTS (SELECT FROM conversations_message m WHERE m.conversation_id = c.id AND m.client_id = %s),
        EXISTS (SELECT FROM conversations_interaction i WHERE i.conversation_id = c.id AND i.state = 'running'),
        s.id, s.last_at
    FROM conversations_conversation c
    LEFT JOIN conversations_session s ON s.conversation_id = c.id AND s.closed_at IS NULL
    WHERE c.id = %s
"""
_ASK = """
    question AS (
        INSERT INTO conversations_message (id, conversation_id, sequence, sender_type, sender_id, state, content,
            citations, domains, retrieval, metadata, client_id, created_at, completed_at)
        VALUES (%s, %s, %s, 'client', %s, 'complete', %s, '[]', '{}', '{}', %s::jsonb, %s, %s, %s)
    ),
"""
_OPEN = """
    WITH {question} reply AS (
        INSERT INTO conversations_message (id, conversation_id, sequence, sender_type, state, content,
            citations, domains, retrieval, metadata, client_id, created_at)
        VALUES (%s, %s, %s, 'ai', 'streaming', '', '[]', '{{}}', '{{}}', '{{}}', %s, %s)
    ), turn AS (
        INSERT INTO conversations_interaction (id, conversation_id, session_id, question_id, reply_id, epoch, state,
            attempts, worker, lease_until, stop_requested, error, rule_trace, accepted_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, false, '', %s::jsonb, %s)
    )
    UPDATE conversations_conversation SET last_sequence = %s, updated_at = %s, title = %s WHERE id = %s
"""


_LOCK = f"SELECT {', '.join(_SPEAKING)} FROM conversations_conversation WHERE id = %s FOR UPDATE"  # noqa: S608
_LOAD = """
    SELECT t.conversation_id, c.owner_id, c.organization_id, c.coach_id, u.name, q.content,
        t.reply_id, r.sequence, p.name, p.bio, p.tone, p.instructions, p.low_confidence_below,
        (SELECT json_agg(json_build_array(e.sender_type, e.content, e.metadata) ORDER BY e.sequence)::text FROM (
            SELECT m.sequence, m.sender_type, m.content, m.metadata FROM conversations_message m
            WHERE m.conversation_id = t.conversation_id AND m.sequence < r.sequence AND m.id <> t.question_id
                AND m.id NOT IN (SELECT o.reply_id FROM conversations_interaction o WHERE o.question_id = t.question_id)
            ORDER BY m.sequence DESC LIMIT %s) AS e)
    FROM conversations_interaction t
    JOIN conversations_conversation c ON c.id = t.conversation_id
    JOIN conversations_message q ON q.id = t.question_id
    JOIN conversations_message r ON r.id = t.reply_id
    LEFT JOIN accounts_user u ON u.id = c.coach_id
    LEFT JOIN coaching_persona p ON p.coach_id = c.coach_id
    WHERE t.id = %s AND t.state = 'running'
"""
_OURS = """
    SELECT t.id, t.reply_id, given.text
    FROM unnest(%s::uuid[], %s::text[]) AS given (id, text)
    JOIN conversations_interaction t ON t.id = given.id
    JOIN conversations_message m ON m.id = t.reply_id
    WHERE t.state = 'running' AND t.worker = %s AND NOT t.stop_requested AND m.state = 'streaming'
"""
_KEEP = f"""
    WITH free AS ({_OURS} FOR UPDATE OF t, m SKIP LOCKED),
    renewed AS (
        UPDATE conversations_interaction t SET lease_until = %s FROM free WHERE t.id = free.id),
    written AS (
        UPDATE conversations_message m SET content = free.text FROM free WHERE m.id = free.reply_id)
    SELECT id FROM ({_OURS}) AS ours
"""  # noqa: S608 -- constants
_SETTLE = """
    WITH closed AS (
        UPDATE conversations_interaction t
        SET state = %s, error = %s, first_token_at = %s, finished_at = %s, lease_until = NULL
        FROM conversations_message m
        WHERE t.id = %s AND t.worker = %s AND m.id = t.reply_id AND m.state = 'streaming'
        RETURNING t.reply_id
    ), settled AS (
        UPDATE conversations_message SET content = %s, state = %s, completed_at = %s, citations = %s::jsonb,
            domains = %s::varchar[], retrieval = %s::jsonb, metadata = metadata || %s::jsonb
        WHERE id IN (SELECT reply_id FROM closed) RETURNING created_at, metadata
    )
    SELECT created_at, metadata, EXISTS (
        SELECT FROM conversations_interaction t
        WHERE t.conversation_id = %s AND t.id <> %s AND t.state IN ('running', 'waiting'))
    FROM settled
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A locked conversation, and what else decides over a message."""

    conversation: Conversation
    idle_minutes: int
    phrases: tuple[str, ...]
    """The phrases by which the coach wants to be called."""
    said_before: bool
    busy: bool
    session: tuple[UUID, datetime] | None


def lock_to_speak(*, owner_id: UUID, conversation_id: UUID, client_id: UUID | None) -> Standing | None:
    """Lock the conversation of its owner, then read what else decides; None when the owner has no such one.

    Two statements: one that waited for the lock would see the other tables as they were before the wait.
    """
    with prepared.cursor() as cursor:
        cursor.execute(_LOCK_TO_SPEAK, [conversation_id, owner_id])
        locked = cursor.fetchone()
        if locked is None:
            return None
        cursor.execute(_STANDING, [client_id, conversation_id])
        said_before, busy, session_id, session_at = cursor.fetchone()
    return Standing(
        conversation=Conversation.from_db(connection.alias, _SPEAKING, locked[: len(_SPEAKING)]),
        idle_minutes=locked[-2],
        phrases=tuple(orjson.loads(locked[-1] or "[]")),
        said_before=said_before,
        busy=busy,
        session=None if session_id is None else (session_id, session_at),
    )


def open_turn(conversation: Conversation, turn: Interaction, *, asked: Message | None) -> None:
    """Write a turn with its reply, the question if it is new, and the conversation's new end, in one statement."""
    reply = turn.reply
    parameters: list[Any] = []
    if asked is not None:
        parameters += [asked.pk, conversation.pk, asked.sequence, asked.sender_id, asked.content]
        parameters += [_json(asked.metadata), asked.client_id, asked.created_at, asked.completed_at]
    parameters += [reply.pk, conversation.pk, reply.sequence, reply.client_id, reply.created_at]
    parameters += [
        turn.pk,
        conversation.pk,
        turn.session_id,
        turn.question_id,
        reply.pk,
        turn.epoch,
        turn.state,
    ]
    parameters += [turn.attempts, turn.worker, turn.lease_until, _json(turn.rule_trace), turn.accepted_at]
    parameters += [conversation.last_sequence, conversation.updated_at, conversation.title, conversation.pk]
    with prepared.cursor() as cursor:
        cursor.execute(_OPEN.format(question="" if asked is None else _ASK), parameters)


def lock(conversation_id: UUID) -> Conversation:
    """Lock a conversation for this transaction; the caller has passed the gate.

    Raises:
        Conversation.DoesNotExist: it was purged meanwhile.
    """
    with prepared.cursor() as cursor:
        cursor.execute(_LOCK, [conversation_id])
        row = cursor.fetchone()
    if row is None:
        raise Conversation.DoesNotExist
    return Conversation.from_db(connection.alias, _SPEAKING, row)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the conversation before the answer."""

    sender_type: str
    content: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A running turn as the database knows it, the persona's columns empty where there is no coach."""

    conversation_id: UUID
    owner_id: UUID
    organization_id: UUID
    coach_id: UUID | None
    coach_name: str | None
    question: str
    reply_id: UUID
    reply_sequence: int
    persona_name: str | None
    bio: str
    tone: str
    instructions: str
    low_confidence_below: float
    earlier: tuple[Said, ...]
    """The last messages before the answer, oldest first, without the question and what was begun to be answered to it."""


def load(turn_id: UUID, *, most: int) -> TurnRow | None:
    """Return a turn that is running, with at most `most` messages before it; None where it runs no longer."""
    with prepared.cursor() as cursor:
        cursor.execute(_LOAD, [most, turn_id])
        row = cursor.fetchone()
    if row is None:
        return None
    earlier = tuple(Said(*said) for said in orjson.loads(row[-1] or "[]"))
    return TurnRow(*[*row[:-1], earlier])


def keep(texts: Mapping[UUID, str], *, worker: str, lease_until: datetime) -> set[UUID]:
    """Keep the texts so far and renew the leases; return the turns that are this worker's to go on with.

    A turn's row comes first, here and wherever a turn ends: who has it decides who writes. One that somebody has now is
    left as it is, so that no turn waits for another's; whether it goes on is seen the next time.
    """
    given: list[Any] = [list(texts), list(texts.values()), worker]
    with prepared.cursor() as cursor:
        cursor.execute(_KEEP, [*given, lease_until, *given])
        return {turn_id for (turn_id,) in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Settled:
    """A reply that was settled."""

    created_at: datetime
    metadata: dict[str, Any]
    others: bool
    """Whether the conversation has other unfinished turns."""


def settle(turn: Interaction, reply: Message) -> Settled | None:
    """Write how a turn of the locked conversation ended, with its reply; None where it was ended by others.

    `reply.metadata` is added to what the row has.
    """
    parameters: list[Any] = [
        turn.state,
        turn.error,
        turn.first_token_at,
        turn.finished_at,
        turn.pk,
        turn.worker,
    ]
    parameters += [reply.content, reply.state, reply.completed_at, _json(reply.citations), reply.domains]
    parameters += [_json(reply.retrieval), _json(reply.metadata), turn.conversation_id, turn.pk]
    with prepared.cursor() as cursor:
        cursor.execute(_SETTLE, parameters)
        row = cursor.fetchone()
    return None if row is None else Settled(row[0], orjson.loads(row[1]), row[2])


def _json(value: Sequence[Any] | Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
