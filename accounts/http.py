"""The request of a signed-in member, and the decorators that say whom a view is for."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.access import NotVisible
from accounts.models import User
from accounts.roles import Role, includes

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """A request whose sender is signed in and belongs to an organization."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
MemberView = Callable[Concatenate[MemberRequest, P], HttpResponseBase]


def _only_for(needed: Role) -> Callable[[MemberView[P]], View[P]]:
    """Return a decorator that lets members in whose role includes the needed one."""

    def decorate(view: MemberView[P]) -> View[P]:
        @wraps(view)
        def guarded(request: Any, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _sign_in_first(request)
            if request.user.organization_id is None or not includes(request.user.role, needed):
                raise NotVisible
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def member_required(view: MemberView[P]) -> View[P]:
    """Let in every signed-in member of an organization; others sign in first."""
    return _only_for(Role.EDUCATOR)(view)


def coach_required(view: MemberView[P]) -> View[P]:
    """Let in coaches and administrators; to other members the page does not exist."""
    return _only_for(Role.COACH)(view)


def _sign_in_first(request: Any) -> HttpResponse:
    """Send the browser to the sign-in page and back; a fragment's request sends the whole page."""
    if not request.htmx:
        return redirect_to_login(request.get_full_path())
    return HttpResponseClientRedirect(redirect_to_login(_whole_page(request.htmx)).url)


def _whole_page(htmx: HtmxDetails) -> str:
    """Return the address of the page that a fragment's request comes from; a forged one may be no address at all."""
    try:
        page = urlsplit(htmx.current_url_abs_path or "/")
    except ValueError:
        return "/"
    return page.path + (f"?{page.query}" if page.query else "")
