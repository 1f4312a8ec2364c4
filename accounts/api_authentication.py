"""Who asks the API: a program with a key in `Authorization: Bearer`, or a browser with its session."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from typing_extensions import override

from accounts import sessions, tokens
from accounts.access import NotVisible
from accounts.api_errors import Problem, WithoutCsrfToken
from accounts.models import ApiToken, User
from accounts.roles import Role, includes
from accounts.scopes import Scope, offered_to

ADMINISTRATORS = (
    "No key makes, invites or lets in an administrator: whoever held the key would stay when it ends. "
    "An administrator does that in the browser."
)


class TokenAuthentication(BaseAuthentication):
    """A key of a person, in the header `Authorization: Bearer …`."""

    @override
    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return the key's owner and the key; none where no key was sent.

        Raises:
            AuthenticationFailed: the key does not exist, has ended, or its owner was deactivated.
        """
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        token = tokens.recognise(secret=secret.strip(), now=now)
        if token is None:
            raise AuthenticationFailed
        tokens.note_use(token=token, now=now)
        return token.owner, token

    @override
    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 says about how to come in."""
        return 'Bearer realm="Sideline"'


class BrowserAuthentication(SessionAuthentication):
    """The session of a page, with its CSRF token for whatever changes something."""

    @override
    def enforce_csrf(self, request: Request) -> None:
        """Refuse a change that no page of this site has asked for.

        Raises:
            WithoutCsrfToken: the token is missing or wrong.
        """
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise WithoutCsrfToken from None


def granted(request: Request) -> frozenset[Scope]:
    """Return what the request may do: of a key its scopes, and never more than the role has now."""
    person: Any = request.user
    offered = frozenset(offered_to(person.role))
    if isinstance(request.auth, ApiToken):
        # A key that a newer version has made may name what this one does not know.
        return offered.intersection(request.auth.scopes)
    return offered


def refuse_about_others(request: Request) -> None:
    """Refuse a key of an administrator that does not open what an administrator sees of others.

    Raises:
        PermissionDenied: it does not.
    """
    person: Any = request.user
    if Scope.ADMIN in offered_to(person.role) and Scope.ADMIN not in granted(request):
        raise PermissionDenied


def by_program(request: Request) -> bool:
    """Whether a program asks with somebody's key; else it is their browser, with its session."""
    return isinstance(request.auth, ApiToken)


def refuse_making_administrators(request: Request) -> None:
    """Refuse a key what would make somebody an administrator, or let one in: they would outlast the key.

    Raises:
        Problem: a program asks; their browser may.
    """
    if by_program(request):
        raise Problem(403, ADMINISTRATORS, details={"reason": "only_in_browser"})


def may_change(request: Request) -> bool:
    """Whether a request that looks harmless may change something: with a key that writes, or by our own script.

    A browser sends the session along when it follows a link, whoever wrote that: its person need have meant nothing.
    """
    if by_program(request):
        return Scope.WRITE in granted(request)
    told = request.headers.get("Sec-Fetch-Site"), request.headers.get("Sec-Fetch-Dest")
    return told == ("same-origin", "empty")


def lasting(request: Request) -> Callable[[], bool]:
    """Return a question for doors that stay open: whether the key or the session still opens them."""
    if isinstance(request.auth, ApiToken):
        token_id = request.auth.pk
        return lambda: tokens.is_live(token_id=token_id, now=timezone.now())
    session_key = request.session.session_key
    person_id = request.user.pk

    def lives() -> bool:
        person = sessions.person_of(session_key, now=timezone.now())
        return person is not None and person.pk == person_id

    return lives


class MayDo(BasePermission):
    """Lets in signed-in members of an organization whose role and key reach the operation."""

    @override
    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the operation is open; a method that does not exist is answered as that.

        Raises:
            NotVisible: the role has no page that does the same.
        """
        person = request.user
        if not isinstance(person, User) or not person.is_active or person.organization_id is None:
            return False
        needed = getattr(view, "needs", {}).get("GET" if request.method == "HEAD" else request.method)
        if needed is not None and needed not in granted(request):
            return False
        if not includes(person.role, getattr(view, "only_for", Role.EDUCATOR)):
            raise NotVisible
        return True
