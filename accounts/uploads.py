"""Who may send more than a form holds: asked of the headers alone, before anybody reads what follows them."""

from datetime import datetime

from django.conf import settings
from django.http.cookie import parse_cookie

from accounts import sessions, tokens
from accounts.models import User
from accounts.scopes import Scope, offered_to

BEARER = "bearer"


def may_upload(*, cookie: str, authorization: str, now: datetime) -> bool:
    """Whether a request with these headers comes with a living session or key of somebody who may add documents.

    What it then does is asked again by the door itself; here only strangers are told from people.
    """
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() == BEARER:
        token = tokens.recognise(secret=secret.strip(), now=now)
        return token is not None and Scope.DOCUMENTS in token.scopes and _adds_documents(token.owner)
    key = parse_cookie(cookie).get(settings.SESSION_COOKIE_NAME, "")
    member = sessions.person_of(key, now=now) if key else None
    return member is not None and _adds_documents(member)


def _adds_documents(member: User) -> bool:
    return Scope.DOCUMENTS in offered_to(member.role)
