"""What people ask for about their own data: a copy, to be erased, and to stay after all. Every wish is on record."""

from datetime import datetime

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts import audit, people, quotas, sessions, tasks, tokens
from accounts.access import NotVisible, administers
from accounts.lifecycle_models import AccountExport, Erasure
from accounts.models import User

UNFINISHED = (AccountExport.State.WAITING, AccountExport.State.RUNNING)
OPEN = (Erasure.State.SCHEDULED, Erasure.State.RUNNING)


def ask_for_export(*, person: User, now: datetime, request: HttpRequest | None = None) -> AccountExport:
    """Have a copy of the person's data made; while one is being made, that one is returned.

    Raises:
        UsedUp: the person has asked for as many as is possible for now.
    """
    unfinished = AccountExport.objects.filter(person=person, state__in=UNFINISHED)
    if (running := unfinished.first()) is not None:
        return running
    try:
        with quotas.spent(member=person, kind=quotas.Kind.EXPORTS), transaction.atomic():
            export = AccountExport.objects.create(person=person, requested_at=now)
            audit.record(
                actor=person, action="account_export_asked", resource=audit.person(person), request=request
            )
            tasks.nudge_export(export.pk)
    except IntegrityError:
        return unfinished.get()
    return export


def last_export(person: User) -> AccountExport | None:
    """Return the newest export of a person."""
    return AccountExport.objects.filter(person=person).order_by("-requested_at").first()


def note_download(*, export: AccountExport, request: HttpRequest) -> None:
    """Record that the person took the copy."""
    audit.record(
        actor=export.person,
        action="account_export_taken",
        resource=audit.person(export.person),
        request=request,
    )


def open_erasure(person: User) -> Erasure | None:
    """Return the erasure of a person that is to come or under way."""
    return Erasure.objects.filter(person_id=person.pk, state__in=OPEN).first()


def ask_for_erasure(
    *, actor: User, person: User, now: datetime, request: HttpRequest | None = None
) -> Erasure:
    """Have the person erased once the days of grace are over, and end their keys; asking twice changes nothing else.

    Somebody who asks for themselves is signed out everywhere, too: signing in and cancelling takes it back.

    Raises:
        NotVisible: the actor is neither the person nor an administrator of their organization.
        LastAdministrator: the organization would be left without one.
    """
    if actor.pk != person.pk and not administers(actor, person.organization_id):
        raise NotVisible
    if people.is_last_administrator(person):
        raise people.LastAdministrator
    try:
        with transaction.atomic():
            erasure = Erasure.objects.create(
                person_id=person.pk,
                organization_id=person.organization_id,
                asked_by_id=actor.pk,
                requested_at=now,
                due_at=now + settings.ERASURE_GRACE,
            )
            audit.record(
                actor=actor,
                action="erasure_asked",
                resource=audit.person(person),
                request=request,
                organization_id=person.organization_id,
            )
            tokens.revoke_all(owner=person, actor=actor, reason="erasure asked", now=now, request=request)
    except IntegrityError:
        # A key that was made since the first wish ends with the second.
        tokens.revoke_all(owner=person, actor=actor, reason="erasure asked", now=now, request=request)
        return Erasure.objects.get(person_id=person.pk, state__in=OPEN)
    return erasure


def leave(*, request: HttpRequest, person: User) -> None:
    """Sign the person out here and everywhere else."""
    get_adapter(request).logout(request)
    sessions.end_all_of(person.pk)


def may_cancel(actor: User, erasure: Erasure) -> bool:
    """Whether the actor may take an erasure back: who asked for it, or an administrator where one did."""
    if erasure.state != Erasure.State.SCHEDULED:
        return False
    if actor.pk == erasure.asked_by_id:
        return True
    by_person = erasure.asked_by_id == erasure.person_id
    return not by_person and administers(actor, erasure.organization_id)


@transaction.atomic
def cancel_erasure(*, actor: User, person: User, request: HttpRequest | None = None) -> None:
    """Let the person stay after all.

    Raises:
        NotVisible: there is nothing to cancel, it has begun, or somebody else has to do it.
    """
    erasure = (
        Erasure.objects.select_for_update().filter(person_id=person.pk, state=Erasure.State.SCHEDULED).first()
    )
    if erasure is None or not may_cancel(actor, erasure):
        raise NotVisible
    erasure.state = Erasure.State.CANCELLED
    erasure.save(update_fields=["state"])
    audit.record(
        actor=actor,
        action="erasure_cancelled",
        resource=audit.person(person),
        request=request,
        organization_id=erasure.organization_id,
    )
