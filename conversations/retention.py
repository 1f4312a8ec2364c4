"""What is said is not kept for ever: archived and deleted conversations go, single thumbs become monthly totals.

A conversation in which somebody waits for a person, or has one, always stays.
"""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import saved_replies
from accounts.models import Organization
from accounts.retention import Rule, Scope, rule_of
from conversations import exports_work
from conversations.models import Conversation, Feedback, Handoff
from conversations.outward import Export, ShareLink

YEAR = timedelta(days=365)
"""How long a link that opens nothing any more can be looked up."""

_ADD_UP = """
WITH gone AS (
    DELETE FROM conversations_feedback WHERE id IN (
        SELECT feedback.id FROM conversations_feedback feedback
        JOIN conversations_message message ON message.id = feedback.message_id
        JOIN conversations_conversation conversation ON conversation.id = message.conversation_id
        WHERE conversation.organization_id = %s AND feedback.updated_at < %s
        ORDER BY feedback.updated_at LIMIT %s FOR UPDATE OF feedback SKIP LOCKED)
    RETURNING created_at, score, reasons),
totals AS (
    INSERT INTO conversations_monthlyfeedback AS kept (organization_id, month, score, reason, thumbs)
    SELECT %s, date_trunc('month', created_at AT TIME ZONE 'UTC')::date, score, reason, count(*)
    FROM gone, unnest(array_append(reasons, '')) AS reason GROUP BY 2, 3, 4
    ON CONFLICT (organization_id, month, score, reason)
        DO UPDATE SET thumbs = kept.thumbs + excluded.thumbs)
SELECT count(*) FROM gone
"""


def _house(scope: Scope) -> Organization:
    """Return the organization; these rules are never asked for anything else.

    Raises:
        ValueError: they were.
    """
    if scope is None:
        raise ValueError(scope)
    return scope


def _left_alone(scope: Scope) -> QuerySet[Conversation]:
    """Return the organization's conversations that no person is needed in."""
    needed = Handoff.objects.filter(
        conversation_id=OuterRef("pk"), state__in=[Handoff.State.QUEUED, Handoff.State.TAKEN]
    )
    return Conversation.objects.filter(~Exists(needed), organization=_house(scope))


def _archived(scope: Scope, now: datetime) -> QuerySet[Conversation]:
    cutoff = now - timedelta(days=_house(scope).keep_archived_days)
    return _left_alone(scope).filter(
        status=Conversation.Status.ARCHIVED, archived_at__lt=cutoff, updated_at__lt=cutoff
    )


def _deleted(scope: Scope, now: datetime) -> QuerySet[Conversation]:
    cutoff = now - timedelta(days=_house(scope).keep_deleted_days)
    return _left_alone(scope).filter(deleted_at__lt=cutoff)


def _old_feedback(scope: Scope, now: datetime) -> QuerySet[Feedback]:
    return Feedback.objects.filter(
        message__conversation__organization=_house(scope),
        updated_at__lt=now - timedelta(days=_house(scope).keep_events_days),
    )


def _count_archived(scope: Scope, now: datetime) -> int:
    return _archived(scope, now).count()


def _count_deleted(scope: Scope, now: datetime) -> int:
    return _deleted(scope, now).count()


def _count_feedback(scope: Scope, now: datetime) -> int:
    return _old_feedback(scope, now).count()


def _purge_archived(scope: Scope, now: datetime, limit: int) -> int:
    # The version of the program before this one archives without noting when: the time runs from here.
    _left_alone(scope).filter(status=Conversation.Status.ARCHIVED, archived_at=None).update(archived_at=now)
    return _purge(_archived(scope, now), now, limit)


def _purge_deleted(scope: Scope, now: datetime, limit: int) -> int:
    return _purge(_deleted(scope, now), now, limit)


def _purge(old: QuerySet[Conversation], now: datetime, limit: int) -> int:
    """Delete some conversations with all that was said; one that is in use just now waits for the next run."""
    locked = list(old.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:limit])
    exports_work.withdraw(conversation_ids=locked, now=now)
    saved_replies.forget_about(ids=locked)
    Conversation.objects.filter(pk__in=locked).delete()
    return len(locked)


def _add_up_feedback(scope: Scope, now: datetime, limit: int) -> int:
    house = _house(scope)
    cutoff = now - timedelta(days=house.keep_events_days)
    with connection.cursor() as cursor:
        cursor.execute(_ADD_UP, [house.pk, cutoff, limit, house.pk])
        row = cursor.fetchone()
    return int(row[0])


def _count_files(_scope: Scope, now: datetime) -> int:
    return exports_work.over(now=now).count()


def _purge_files(_scope: Scope, now: datetime, limit: int) -> int:
    return exports_work.purge(now=now, most=limit)


def _count_orphans(_scope: Scope, _now: datetime) -> int:
    return len(exports_work.orphans())


def _remove_orphans(_scope: Scope, _now: datetime, limit: int) -> int:
    return exports_work.remove_orphans(most=limit)


def _old_exports(scope: Scope, now: datetime) -> QuerySet[Export]:
    """Return the exports of which only is known that there was one."""
    cutoff = now - timedelta(days=_house(scope).keep_events_days)
    ended = Export.objects.filter(state__in=[Export.State.GONE, Export.State.FAILED], expires_at=None)
    return ended.filter(organization=scope, created_at__lt=cutoff)


def _dead_links(scope: Scope, now: datetime) -> QuerySet[ShareLink]:
    dead = Q(revoked_at__lt=now - YEAR) | Q(expires_at__lt=now - YEAR)
    return ShareLink.objects.filter(dead, conversation__organization=_house(scope))


RULES = (
    Rule("archived_conversations", _count_archived, _purge_archived),
    Rule("deleted_conversations", _count_deleted, _purge_deleted),
    Rule("feedback", _count_feedback, _add_up_feedback),
    rule_of("share_links", _dead_links),
    Rule("export_files", _count_files, _purge_files, for_organizations=False, for_installation=True),
    Rule(
        "lost_export_files", _count_orphans, _remove_orphans, for_organizations=False, for_installation=True
    ),
    rule_of("exports", _old_exports),
)
