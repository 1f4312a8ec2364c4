"""Share links: the owner's page with the preview and the list, and the page of whoever holds a link."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts import addresses
from accounts.access import NotVisible
from accounts.http import MemberRequest, member_required
from conversations import access, guesses, sharing
from conversations.forms import ShareForm
from conversations.models import Conversation, Message

PAGE = "conversations/sharing/share.html"
SPEAKERS = {
    Message.Sender.CLIENT: "You",
    Message.Sender.AI: "AI",
    Message.Sender.HUMAN_COACH: "Coach",
}
EXCERPT = 60

FOR_HOLDERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
"""A link's page is kept by nobody, listed by nobody, and tells no other site its address."""


@require_safe
@member_required
def share(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Let the owner choose what to share and see it as holders will; htmx gets the preview alone."""
    conversation = access.own_conversation(request.user, conversation_id)
    form = _form(conversation, request.GET or None)
    context = _preview(conversation, form)
    if request.htmx:
        return render(request, f"{PAGE}#preview", context)
    return _page(request, context)


@require_POST
@member_required
def make(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Make the link that was previewed, and show it this once: it is not kept, not even in the session."""
    conversation = access.own_conversation(request.user, conversation_id)
    form = _form(conversation, request.POST)
    if not form.is_valid():
        return _page(request, _preview(conversation, form), status=422)
    try:
        made = sharing.make(
            member=request.user,
            conversation_id=conversation_id,
            part=_part(form.cleaned_data),
            days=form.cleaned_data["days"],
            key=form.cleaned_data["key"],
            now=timezone.now(),
            request=request,
        )
    except sharing.LinksForbidden:
        return _page(request, {"conversation": conversation}, status=403)
    address = request.build_absolute_uri(reverse("conversations:shared", args=[made.token]))
    return _page(request, {"conversation": conversation, "made": made.link, "address": address})


@require_POST
@member_required
def revoke(request: MemberRequest, conversation_id: UUID, link_id: UUID) -> HttpResponse:
    """Let a link open nothing from now on."""
    sharing.revoke(
        member=request.user,
        conversation_id=conversation_id,
        link_id=link_id,
        now=timezone.now(),
        request=request,
    )
    notes.success(request, "The link opens nothing any more.")
    if "from_all" in request.POST:
        return redirect("conversations:links")
    return redirect("conversations:share", conversation_id=conversation_id)


@require_safe
@member_required
def links(request: MemberRequest) -> HttpResponse:
    """List every link of the member that works."""
    context = {
        "links": sharing.links(request.user, now=timezone.now()),
        "forbidden": not sharing.are_allowed(request.user),
    }
    return render(request, "conversations/sharing/links.html", context)


@require_GET  # Who only looks reads nothing, and each look is counted as a reading.
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a link shows, to whoever holds it; every link that opens nothing looks the same."""
    # A page for strangers leaves no cookie, not even the renewed one of a member who holds the link.
    request.session.modified = False
    now = timezone.now()
    address = addresses.counted(request)
    if guesses.are_spent(address, now=now):
        response = _wait(request, now)
    else:
        try:
            found = sharing.read(token=token, now=now, request=request)
        except NotVisible:
            waits = guesses.note(address, now=now)
            response = _wait(request, now) if waits else render(request, "404.html", status=404)
        else:
            response = render(request, "conversations/sharing/holder.html", {"shown": found})
    for name, value in FOR_HOLDERS.items():
        response[name] = value
    return response


def _wait(request: HttpRequest, now: datetime) -> HttpResponse:
    response = render(request, "conversations/sharing/too_many.html", status=429)
    response["Retry-After"] = str(guesses.seconds_left(now=now))
    return response


def _form(conversation: Conversation, data: Any) -> ShareForm:
    listed = sharing.shareable(conversation.pk)
    return ShareForm(data, messages=[(message.sequence, _label(message)) for message in listed])


def _label(message: Message) -> str:
    who = SPEAKERS[Message.Sender(message.sender_type)]
    words = Truncator(" ".join(message.content.split())).chars(EXCERPT)
    return f"{message.created_at:%H:%M %Z} {who}: {words}"


def _part(chosen: dict[str, Any]) -> sharing.Part:
    return sharing.Part(chosen["first"], chosen["last"], chosen["with_names"])


def _preview(conversation: Conversation, form: ShareForm) -> dict[str, Any]:
    """Return what a holder would see, and what has to be sent to make a link to exactly this."""
    context: dict[str, Any] = {"conversation": conversation, "form": form, "previewed": None}
    try:
        chosen = form.cleaned_data if form.is_valid() else None
        if not form.is_bound:
            whole = sharing.everything(conversation.pk)
            chosen = {"first": whole.first_sequence, "last": whole.last_sequence}
            chosen |= {"with_names": False, "days": sharing.DAYS}
        if chosen:
            until = sharing.expiry(chosen["days"], now=timezone.now())
            context |= {"previewed": chosen, "key": uuid4()}
            context["shown"] = sharing.shown(conversation.pk, _part(chosen), until=until)
    except sharing.NothingToShare:
        context["nothing"] = True
    return context


def _page(request: MemberRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Return the page of one conversation, with the links that work."""
    conversation: Conversation = context["conversation"]
    context |= {
        "links": sharing.links(request.user, now=timezone.now(), conversation_id=conversation.pk),
        "had_crisis": sharing.had_crisis(conversation.pk),
        "forbidden": not sharing.are_allowed(request.user),
    }
    return render(request, PAGE, context, status=status)
