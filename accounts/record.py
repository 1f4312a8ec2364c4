"""The record as administrators read it: filtered, page by page, with names in place of ids.

Which conversation a line is about stays out of it: the owner's own acts, such as sharing it, and a coach's, such as
taking it over in a crisis, would otherwise tell together whose crisis it was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.access import administered
from accounts.models import AuditEvent, User
from accounts.named import as_id
from accounts.record_models import REFUSED

EVENTS_A_PAGE = 50
NOBODY = "nobody"
"""What to look for to find what was done by nobody known."""

CONVERSATION, MESSAGE = "conversation:", "message:"
"""What stands for every conversation, and for every message of one."""

VEILED = {CONVERSATION: "a conversation", MESSAGE: "a message"}
"""What is never told apart, and what it is called."""

SENTENCES = {REFUSED: "Asked for a conversation and was told that there is none"}
"""Actions that say too little as they stand."""

_ACTIONS = """
WITH RECURSIVE found(action) AS (
    (SELECT action FROM accounts_auditevent WHERE organization_id = %(organization)s ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT event.action FROM accounts_auditevent event
            WHERE event.organization_id = %(organization)s AND event.action > found.action
            ORDER BY event.action LIMIT 1)
    FROM found WHERE found.action IS NOT NULL
)
SELECT action FROM found WHERE action IS NOT NULL
"""
"""Walks the index from one action to the next: a plain DISTINCT would read every row of the organization."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for; what is empty does not matter."""

    who: str = ""
    action: str = ""
    resource: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One event with names."""

    event: AuditEvent
    who: str
    what: str
    resource: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, the newest first, and where the pages beside it begin."""

    lines: tuple[Line, ...]
    older: int | None
    """Give this as `before` for the next page; none on the last."""
    newer: int | None
    """Give this as `after` for the page before; none on the first."""

    opts = AuditEvent._meta  # noqa: SLF001 -- where Django keeps them
    """The frame of the dashboard asks every list what it lists."""

    @property
    def result_list(self) -> list[AuditEvent]:
        """The events alone, under the name that the dashboard's lists have for them."""
        return [line.event for line in self.lines]


def visible_events(member: User) -> QuerySet[AuditEvent]:
    """Return the events of the administrator's organization; all of them for staff."""
    return administered(member, AuditEvent.objects.all())


def veiled(event: AuditEvent) -> AuditEvent:
    """Return an event as it may be shown: a conversation is any conversation."""
    kind = _kind_of(event.resource)
    if kind in VEILED:
        event.resource = kind
    return event


def _kind_of(resource: str) -> str:
    """Return the beginning of a resource that says what it is, such as `person:`."""
    kind, colon, _ = resource.partition(":")
    return kind + colon


def page(member: User, wanted: Wanted, *, before: int | None = None, after: int | None = None) -> Page:
    """Return the wanted events before or after a place in the record, else the newest.

    Places are sequence numbers, so that no page is slower than another and none shifts while events come in.
    """
    events = _matching(member, wanted)
    if after is not None and before is None:
        rows = list(events.filter(sequence__gt=after).order_by("sequence")[: EVENTS_A_PAGE + 1])
        has_newer, has_older = len(rows) > EVENTS_A_PAGE, True
        rows = rows[:EVENTS_A_PAGE][::-1]
    else:
        if before is not None:
            events = events.filter(sequence__lt=before)
        rows = list(events.order_by("-sequence")[: EVENTS_A_PAGE + 1])
        has_newer, has_older = before is not None, len(rows) > EVENTS_A_PAGE
        rows = rows[:EVENTS_A_PAGE]
    return Page(
        lines=_lines(rows),
        older=rows[-1].sequence if rows and has_older else None,
        newer=rows[0].sequence if rows and has_newer else None,
    )


def actions(member: User) -> list[str]:
    """Return the actions that occur in what the member may see."""
    if member.is_superuser:
        return list(visible_events(member).order_by("action").values_list("action", flat=True).distinct())
    with connection.cursor() as cursor:
        cursor.execute(_ACTIONS, {"organization": member.organization_id})
        return [row[0] for row in cursor.fetchall()]


def in_words(action: str) -> str:
    """Return an action as a sentence begins: `person_role_changed` is "Person role changed"."""
    return SENTENCES.get(action) or action.replace("_", " ").replace(".", " ").strip().capitalize()


def _matching(member: User, wanted: Wanted) -> QuerySet[AuditEvent]:
    """Return what the member may see of what is wanted."""
    matches = _by_whom(member, wanted.who) & _on_what(wanted.resource)
    if wanted.action:
        matches &= Q(action=wanted.action)
    if wanted.since:
        matches &= Q(at__gte=_midnight(wanted.since))
    if wanted.until:
        matches &= Q(at__lt=_midnight(wanted.until + timedelta(days=1)))
    return visible_events(member).filter(matches)


def _by_whom(member: User, who: str) -> Q:
    """Match who acted: part of the name or the address, or nobody known."""
    if not who:
        return Q()
    if who.casefold() == NOBODY:
        return Q(actor_id=None)
    people = User.objects.filter(Q(name__icontains=who) | Q(email__icontains=who))
    if not member.is_superuser:
        people = people.filter(organization=member.organization)
    return Q(actor_id__in=people.values("pk"))


def _on_what(resource: str) -> Q:
    """Match a resource: a whole one by its index, else a beginning such as `person:`; never one conversation."""
    kind, _, thing = resource.partition(":")
    if not kind:
        return Q()
    if _kind_of(resource) in VEILED and thing:
        return Q(pk__in=())
    return Q(resource=resource) if as_id(thing) else Q(resource__startswith=resource)


def _midnight(day: date) -> datetime:
    """Return when a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min))


def _lines(events: Iterable[AuditEvent]) -> tuple[Line, ...]:
    """Name the people who acted and to whom something was done, in one query."""
    listed = [veiled(event) for event in events]
    concerned = [as_id(event.resource.removeprefix("person:")) for event in listed]
    ids = {each for each in (*concerned, *(event.actor_id for event in listed)) if each}
    names: dict[Any, str] = dict(User.objects.filter(pk__in=ids).values_list("pk", "name"))
    return tuple(
        Line(
            event=event,
            who=names.get(event.actor_id, "Somebody who is gone" if event.actor_id else "Nobody known"),
            what=in_words(event.action),
            resource=VEILED.get(event.resource) or names.get(whom, event.resource),
        )
        for event, whom in zip(listed, concerned, strict=True)
    )
