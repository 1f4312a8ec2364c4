"""The page that an invitation leads to, for somebody who has no account yet."""

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import invitations
from accounts.forms import JoinForm
from accounts.invitations import AddressTaken, LinkClosed
from accounts.models import User
from accounts.seats import NoSeatLeft
from accounts.sso import linking

TAKEN = (
    "There is already an account with your address, and an account belongs to one organization. Sign in with it, "
    "or ask whoever invited you to use another address."
)
FULL = "There is no free place at the moment. Ask whoever invited you; the link stays valid."


@sensitive_post_parameters("password1", "password2")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Show the invitation, and make the account; every link that opens nothing gets the same answer."""
    try:
        response = _join(request, token)
    except LinkClosed:
        response = render(request, "accounts/join_closed.html", status=404)
    # The address of this page is a key: no search engine may keep it, and no other site is told of it. A policy
    # that told nobody would keep the browser from saying where the form comes from, and the form from being taken.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


def _join(request: HttpRequest, token: str) -> HttpResponse:
    invitation = invitations.opened_by(token, now=timezone.now())
    form = JoinForm(request.POST or None, email=invitation.email)
    if request.method == "POST" and form.is_valid():
        try:
            person = invitations.accept(
                token=token,
                name=form.cleaned_data["name"],
                password=form.cleaned_data.get("password1"),
                now=timezone.now(),
                request=request,
            )
        except AddressTaken:
            form.add_error(None, TAKEN)
        except NoSeatLeft:
            form.add_error(None, FULL)
        else:
            return _begin(request, person)
    context = {"form": form, "invitation": invitation, "way_in": linking.way_in(invitation.email)}
    return render(request, "accounts/join.html", context)


def _begin(request: HttpRequest, person: User) -> HttpResponse:
    """Sign the new person in; where passwords open nothing, they sign in elsewhere."""
    if not settings.PASSWORD_SIGN_IN:
        way_in = linking.way_in(str(person.email)) or "Sign in to begin."
        messages.success(request, f"Your account is ready. {way_in}")
        return redirect("account_login")
    get_adapter(request).login(request, person)
    return redirect("/")
