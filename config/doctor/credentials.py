"""Which keys that people gave to programs have ended, or end soon?"""

from collections.abc import Iterable
from datetime import timedelta

from django.apps import apps
from django.db import models
from django.utils import timezone

from accounts.retention_rules import YEAR
from config.doctor.finding import Finding, ok, warn
from config.plural import plural

SOON = timedelta(days=14)
RECENT = timedelta(days=30)
"""A key that ended earlier than this is missed by nobody any more."""
KEPT = YEAR + timedelta(days=7)
"""Retention deletes a key a year after its end, at night."""
_MARKS = {"expires_at", "revoked_at", "last_used_at"}
"""By these fields a model is one of keys: somebody uses them, they end, and they can be revoked."""


def keys() -> Finding:
    """Look at the keys of every model that has such."""
    return keys_of(model for model in apps.get_models() if _holds_keys(model))


def keys_of(holding: Iterable[type[models.Model]]) -> Finding:
    """Return how many keys in use have ended lately, or will soon; or never, or are kept for no use."""
    now = timezone.now()
    ended = soon = lasting = endless = kept = 0
    for model in holding:
        endless += model._base_manager.filter(revoked_at=None, expires_at=None).count()  # noqa: SLF001
        kept += model._base_manager.filter(expires_at__lt=now - KEPT).count()  # noqa: SLF001
        used = model._base_manager.filter(revoked_at=None, last_used_at__isnull=False)  # noqa: SLF001
        ended += used.filter(expires_at__gt=now - RECENT, expires_at__lte=now).count()
        soon += used.filter(expires_at__gt=now, expires_at__lte=now + SOON).count()
        lasting += used.filter(expires_at__gt=now + SOON).count()
    if endless or kept:
        return warn(
            f"{plural(endless, 'key')} without an end, {plural(kept, 'key')} ended long ago and kept",
            "Revoke the first; for the others run manage.py retention, and see that beat does every night.",
        )
    if ended or soon:
        return warn(
            f"{plural(ended, 'key')} in use ended lately, {plural(soon, 'key')} will within {SOON.days} days",
            "Their owners see them in their settings and can make new ones there; tell them.",
        )
    return ok(f"{plural(lasting, 'key')} in use")


def _holds_keys(model: type[models.Model]) -> bool:
    names = {field.name for field in model._meta.get_fields()}  # noqa: SLF001 -- Django documents it
    return names >= _MARKS
