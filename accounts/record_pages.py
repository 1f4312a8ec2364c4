"""The record in the dashboard: filtered, page by page, and whether its chain is whole."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import chain, record, tasks
from accounts.forms import RecordForm
from accounts.http import MemberRequest

TEMPLATE = "admin/accounts/record.html"
RECORD = "admin:accounts_auditevent_changelist"


@require_safe
def events(request: MemberRequest) -> HttpResponse:
    """List the events that are wanted; a request of htmx gets the state of the chain alone."""
    if request.htmx:
        return render(request, f"{TEMPLATE}#chain", _chain(request))
    form = RecordForm(request.GET or None, actions=record.actions(request.user))
    wanted = form.wanted()
    page = record.page(request.user, wanted, before=_place(request, "before"), after=_place(request, "after"))
    filters = {name: value for name, value in form.data.items() if name in form.fields and value}
    context = {
        **admin.site.each_context(request),
        **_chain(request),
        "title": "Record",
        "form": form,
        "cl": page,
        "is_filtered": bool(filters),
        "filters": urlencode(filters),
    }
    return render(request, TEMPLATE, context)


def _chain(request: MemberRequest) -> dict[str, Any]:
    """Return the state of the chain; only staff are told how long the record of all organizations is."""
    return {
        "check": chain.latest(),
        "is_waiting": chain.is_waiting(),
        "sees_all": request.user.is_superuser,
    }


def _place(request: MemberRequest, name: str) -> int | None:
    """Return a place in the record; what is no place is none."""
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


@require_POST
def verify(request: MemberRequest) -> HttpResponse:
    """Have the record verified."""
    chain.ask(asked_by=request.user, now=timezone.now())
    tasks.nudge_chain()
    if request.htmx:
        return render(request, f"{TEMPLATE}#chain", _chain(request))
    return redirect(RECORD)
