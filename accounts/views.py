"""A person's own settings, and the dashboard's way in and out through the ordinary sign-in."""

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import people
from accounts.access import NotVisible
from accounts.forms import SettingsForm
from accounts.http import MemberRequest

THEME_COOKIE = "theme"
THEME_COOKIE_AGE = 365 * 24 * 3600


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: MemberRequest) -> HttpResponse:
    """Show and save the person's name and the look of the pages."""
    initial = {"name": request.user.name, "theme": request.COOKIES.get(THEME_COOKIE, "system")}
    form = SettingsForm(request.POST or None, initial=initial)
    if request.method != "POST" or not form.is_valid():
        return render(request, "accounts/settings.html", {"form": form})
    people.rename(person=request.user, name=form.cleaned_data["name"], request=request)
    messages.success(request, "Your settings are saved.")
    response = redirect("settings")
    _keep_theme(response, form.cleaned_data["theme"])
    return response


def _keep_theme(response: HttpResponse, theme: str) -> None:
    """Remember the look in this browser; the script of the theme button reads the same cookie."""
    if theme == "system":
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    else:
        response.set_cookie(THEME_COOKIE, theme, max_age=THEME_COOKIE_AGE, samesite="Lax")


@require_safe
def dashboard_sign_in(request: HttpRequest) -> HttpResponse:
    """Send people to the one sign-in page; to those whom the dashboard is not for, it does not exist."""
    if request.user.is_authenticated:
        if not request.user.is_staff:
            raise NotVisible
        return redirect("admin:index")
    return redirect_to_login(request.GET.get("next") or "/admin/")


@require_POST
def dashboard_sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out of the dashboard as from everywhere else."""
    get_adapter(request).logout(request)
    return redirect("account_login")


def closed(_request: HttpRequest) -> HttpResponse:
    """Refuse a page of django-allauth that Sideline does not offer.

    Raises:
        NotVisible: always.
    """
    raise NotVisible
