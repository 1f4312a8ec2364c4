"""The append-only record of sensitive acts and reads, and the check that nobody has edited it.

A row names who did what to which resource, never what was said. The database links each row to the one
before it and refuses changes. It lets one transaction at a time append, until that transaction ends:
record late in a transaction, and keep the transaction short.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.http import HttpRequest

from accounts import addresses
from accounts.models import AuditEvent, User

AT_ONCE = 500
"""Events that one statement appends."""

_BROKEN = """
SELECT sequence FROM (
    SELECT event.sequence,
           event.hash = audit_event_hash(event) AS unchanged,
           event.previous_hash = coalesce(lag(event.hash) OVER (ORDER BY event.sequence), '') AS linked
    FROM accounts_auditevent event
) AS checked
WHERE NOT (unchanged AND linked) ORDER BY sequence LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Verification:
    """What the check of the chain found."""

    events: int
    broken_at: int | None
    """The sequence number of the first row that was edited, or that follows a removed one."""
    was_seen: bool = False
    """Whether it is a row that an earlier check saw and that is no longer as it was, or there at all."""

    @property
    def intact(self) -> bool:
        """Whether every row is as it was written and follows the row that it followed then."""
        return self.broken_at is None


def record(
    *,
    actor: User | None,
    action: str,
    resource: str,
    reason: str = "",
    request: HttpRequest | None = None,
    organization_id: UUID | None = None,
) -> AuditEvent:
    """Append one event, in the transaction of what it tells about.

    Args:
        actor: who acted; none for somebody unknown or for the system.
        action: a verb in the past, such as `signed_in`.
        resource: what it was done to, as `kind:id`.
        reason: why, in the actor's words or the system's; never the words of a conversation.
        request: gives the address, and the request id that the outermost middleware noted in `META`.
        organization_id: whose record it is; the actor's organization when not given.
    """
    event = AuditEvent(
        organization_id=organization_id or (actor.organization_id if actor else None),
        actor_id=actor.pk if actor else None,
        action=action,
        resource=resource,
        reason=reason[:200],
        **_way(request),
    )
    event.save(force_insert=True)
    return event


def record_each(
    *, actor: User, action: str, done_to: Iterable[tuple[str, str]], request: HttpRequest | None = None
) -> None:
    """Append an event for each resource and reason, in one statement: nobody else waits for more than that."""
    way = _way(request)
    AuditEvent.objects.bulk_create(
        (
            AuditEvent(
                organization_id=actor.organization_id,
                actor_id=actor.pk,
                action=action,
                resource=resource,
                reason=reason[:200],
                **way,
            )
            for resource, reason in done_to
        ),
        batch_size=AT_ONCE,
    )


def _way(request: HttpRequest | None) -> dict[str, Any]:
    """Return how a request came: its address, and its id."""
    if request is None:
        return {}
    return {"address": addresses.of(request) or None, "request_id": request.META.get("REQUEST_ID", "")}


def is_recorded(*, actor: User, action: str, resource: str, since: datetime) -> bool:
    """Whether the actor has done this to the resource since then."""
    done = AuditEvent.objects.filter(resource=resource, actor_id=actor.pk, action=action)
    return done.filter(at__gte=since).exists()


def person(user: User | None) -> str:
    """Return the name of a person as a resource; somebody who is not known has no id."""
    return f"person:{user.pk}" if user else "person:unknown"


def verify() -> Verification:
    """Recompute the whole chain, oldest first.

    What it cannot see is the removal of the newest rows; `chain.look` does.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN)
        row = cursor.fetchone()
    return Verification(events=AuditEvent.objects.count(), broken_at=row[0] if row else None)
