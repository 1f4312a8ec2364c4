"""Do people get what they asked for: mails, exports, their budget back, a domain by which colleagues come in?"""

from datetime import timedelta

from django.utils import timezone

from accounts import export_making, invitations, retention_rules, waiting_work
from accounts.entry_models import OutgoingMail
from accounts.models import Organization, OrganizationDomain
from accounts.outbox import UNSENT
from accounts.waiting_work import SWEPT_WITHIN
from coaching.models import Reservation
from config.doctor.finding import Finding, fail, ok, warn
from config.plural import plural
from config.settings import jobs
from conversations import allowance, exports_work

EXPIRED_EVERY = timedelta(seconds=jobs.SCHEDULE["expire-exports"]["schedule"])
RECENT = timedelta(days=7)
UNDER_WAY = timedelta(hours=1)
"""So long the erasure of an organization may take."""
PATIENCE = timedelta(days=30)
"""How long it may take until staff have asked the owner of a domain."""

_SEE_BEAT = "See that the worker runs with beat, and look at its log."
_SEE_LONG = "See that a worker takes the queue long (--queues long), and look at its log."


def mails() -> Finding:
    """Look for mails that nobody sends, for those that could not be sent, and for invitations without one."""
    now = timezone.now()
    unsent = OutgoingMail.objects.filter(UNSENT)
    stuck = waiting_work.mails(now=now).overdue
    lost = OutgoingMail.objects.filter(state=OutgoingMail.State.FAILED, created_at__gt=now - RECENT).count()
    if stuck:
        return warn(f"{plural(stuck, 'mail')} overdue", _SEE_BEAT)
    if lost:
        return warn(
            f"{plural(lost, 'mail')} of the last {RECENT.days} days could not be sent",
            "Look at the mail server and its settings; then send the invitations again from the dashboard.",
        )
    if untold := invitations.without_mail(now=now).count():
        return warn(
            f"{plural(untold, 'invitation')} without a mail",
            "Send those again from the dashboard whose mail is None there.",
        )
    return ok(f"{plural(unsent.count(), 'mail')} to send")


def exports() -> Finding:
    """Look for exports and copies of people's data that nobody makes."""
    before = timezone.now() - SWEPT_WITHIN
    files = exports_work.unclaimed(now=before).filter(created_at__lt=before)
    copies = export_making.unclaimed(now=before).filter(requested_at__lt=before)
    stuck = files.count() + copies.count()
    over = exports_work.over(now=before).count() + retention_rules.expired(now=before - EXPIRED_EVERY).count()
    if stuck or over:
        return warn(f"{plural(stuck, 'export')} that nobody makes, {over} kept beyond their day", _SEE_LONG)
    return ok("all made, none kept beyond its day")


def erasures() -> Finding:
    """Look for people who should be erased by now and are not, and for organizations that are half erased."""
    found = waiting_work.erasures(now=timezone.now())
    if found.overdue:
        return fail(
            f"{plural(found.overdue, 'erasure')} overdue: tried in vain, or not at all",
            f"The worker's log says why (erasure_failed); people were promised it. {_SEE_BEAT}",
        )
    if (
        begun := Organization.objects.filter(closed_at__lt=timezone.now() - UNDER_WAY)
        .order_by("closed_at")
        .first()
    ):
        return warn(
            f"the erasure of the organization {begun.pk} has begun and not ended",
            f"Go on with it: manage.py erase_organization {begun.pk}",
        )
    return ok(f"{plural(found.waiting, 'erasure')} to do")


def reservations() -> Finding:
    """Look for money that is set aside for answers on which nobody works."""
    now = timezone.now()
    abandoned = Reservation.objects.filter(pk__in=allowance.abandoned(now=now), at__lt=now - SWEPT_WITHIN)
    left = abandoned.count()
    if left:
        return warn(
            f"{plural(left, 'reservation')} without a turn: people have less to spend than they should",
            f"They are given back every ten seconds. {_SEE_BEAT}",
        )
    return ok("none without a turn")


def domains() -> Finding:
    """Look for domains that an organization stated long ago and nobody has verified."""
    before = timezone.now() - PATIENCE
    stated = OrganizationDomain.objects.filter(verified_at=None, created_at__lt=before).count()
    if stated:
        return warn(
            f"{plural(stated, 'domain')} unverified for more than {PATIENCE.days} days",
            "Ask the owner of the domain, then verify it or remove it: nobody comes in by it.",
        )
    return ok("none waits to be verified")
