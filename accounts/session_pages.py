"""The page on which a person sees where they are signed in, and signs out elsewhere."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import access
from accounts import sessions as journey
from accounts.access import NotVisible
from accounts.http import MemberRequest


@login_required
@require_safe
def sessions(request: MemberRequest) -> HttpResponse:
    """List the person's sessions, this one first."""
    listed = list(journey.sessions_of(request.user, now=timezone.now()))
    this = [each for each in listed if each.session_id == request.session.session_key]
    others = [each for each in listed if each not in this]
    keys = access.own_tokens(request.user).count()
    return render(request, "accounts/sessions.html", {"this": this, "others": others, "keys": keys})


@login_required
@require_POST
def end(request: MemberRequest, signed_in_id: UUID) -> HttpResponse:
    """Sign the person out in one other place; one that has ended meanwhile is what was wanted."""
    try:
        ended = journey.end(
            member=request.user, signed_in_id=signed_in_id, request=request, now=timezone.now()
        )
    except NotVisible:
        messages.info(request, "That session had already ended.")
    else:
        messages.success(request, f"Signed out: {ended.device}.")
    return redirect("sessions")


@login_required
@require_POST
def end_others(request: MemberRequest) -> HttpResponse:
    """Sign the person out everywhere but here, and end what programs have."""
    ended = journey.end_others(member=request.user, request=request, now=timezone.now())
    places = f"Signed out in {ended.sessions} other place{'' if ended.sessions == 1 else 's'}."
    keys = f" Revoked {ended.keys} API key{'' if ended.keys == 1 else 's'}." if ended.keys else ""
    messages.success(request, places + keys)
    return redirect("sessions")
