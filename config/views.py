"""Where the dashboard begins, and its service page: how the promises of the service are kept."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import NotVisible
from accounts.http import MemberRequest
from accounts.models import User
from config import process_levels, service_chart, service_levels
from config.service_levels import Window, lasting

PAGE = "config/service.html"


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Lead to where *Dashboard* leads; who belongs to no organization has no queue, and is shown what there is."""
    user = request.user
    if isinstance(user, User) and user.is_staff and user.organization_id:
        return redirect("conversations:queue")
    return admin.site.admin_view(admin.site.index)(request)


@require_safe
@login_required
def service(request: MemberRequest) -> HttpResponse:
    """Show an administrator the numbers of the organization, and staff those of the installation.

    Raises:
        NotVisible: to everybody else the page does not exist.
    """
    if not (request.user.is_active and request.user.is_admin):
        raise NotVisible
    window = _window(request.GET.get("window", ""))
    whole_installation = request.user.is_superuser
    now = timezone.now()
    seen = service_levels.look(
        window=window,
        now=now,
        organization_id=None if whole_installation else request.user.organization_id,
    )
    chart = service_chart.draw(
        seen.slots, since=seen.since, step=window.step, steps=int(window.length / window.step)
    )
    context = {
        "title": "Service",
        "seen": seen,
        "process": process_levels.look(),
        "now": now,
        "chart": chart,
        "window": window,
        "windows": list(Window),
        "whole_installation": whole_installation,
        "slots": [(slot, lasting(slot.first_token_p95_s), lasting(slot.whole_p95_s)) for slot in seen.slots],
    }
    return render(request, PAGE, {**admin.site.each_context(request), **context})


def _window(given: str) -> Window:
    """Return the window that was asked for; a day when the address says nothing sensible."""
    return Window(given) if given in set(Window) else Window.DAY
