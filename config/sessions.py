"""Sessions that slide: one in use lives on, without a write for every request, and none lives for ever."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

STARTED = "_started_at"
RENEWED = "_renewed_at"


class SlidingSessionMiddleware:
    """Renews the session of somebody signed in, and ends it when it has lasted too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Renew or end the session, then answer the request."""
        if SESSION_KEY in request.session:
            slide(request.session, now=timezone.now())
        return self.get_response(request)


def slide(session: SessionBase, *, now: datetime) -> None:
    """Renew the session when its last renewal is old; flush it when its longest life is over."""
    started = _read(session, STARTED)
    renewed = _read(session, RENEWED)
    if started is None:
        session[STARTED] = session[RENEWED] = now.isoformat()
    elif now - started > settings.SESSION_LONGEST:
        session.flush()
    else:
        if renewed is None or now - renewed > settings.SESSION_RENEWED_AFTER:
            session[RENEWED] = now.isoformat()
        end = started + settings.SESSION_LONGEST
        if session.get_expiry_date(modification=now) > end:
            # The row itself says so, for whoever looks at that alone, as the watch over open sockets does: also one
            # that is saved for another reason.
            session.set_expiry(end)


def _read(session: SessionBase, name: str) -> datetime | None:
    """Return a time stored in the session."""
    value = session.get(name)
    return datetime.fromisoformat(value) if isinstance(value, str) else None
