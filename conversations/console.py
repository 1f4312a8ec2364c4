"""The coach's side: the queue of conversations that need a person, and the console of one of them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import async_to_sync
from django.contrib import messages as notes
from django.db import close_old_connections
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts import dashboard
from accounts.access import NotVisible
from accounts.http import MemberRequest, coach_required
from conversations import (
    absence,
    access,
    acting,
    announcing,
    briefing,
    drafting,
    handoff,
    reading,
    waiting,
)
from conversations.episodes import open_episode
from conversations.forms import DraftForm, SpeakForm
from conversations.models import Conversation
from conversations.presenting import views_of
from conversations.turns.accept import LONGEST, Refusal

CONSOLE = "conversations/console.html"
BADGE = "conversations/partials/queue_badge.html"
STALE = "The page was out of date, so nothing was sent. Your text is still here: send it again."


@require_safe
@coach_required
def queue(request: MemberRequest) -> HttpResponse:
    """Show who waits, the most urgent first; htmx gets the list alone."""
    seen = waiting.queue(request.user, now=timezone.now())
    context = {
        "title": "Queue",
        "waiting": seen.waiting,
        "taken": seen.taken,
        "went_back": seen.went_back,
        "recent": seen.recent,
    }
    if request.htmx:
        return render(request, "conversations/queue.html#episodes", context)
    return render(request, "conversations/queue.html", dashboard.context_of(request, **context))


@require_safe
@coach_required
def queue_badge(request: MemberRequest) -> HttpResponse:
    """Show how many conversations wait for this coach, for the dashboard's menu."""
    return HttpResponse(waiting_badge(request))


def waiting_badge(request: MemberRequest) -> str:
    """Return the badge of the queue in the dashboard's menu."""
    return render_to_string(BADGE, {"count": waiting.count(request.user)})


@require_GET  # Each look is on record as a reading.
@coach_required
def console(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Show one conversation to a coach who may open it; htmx gets how things stand. Each visit is recorded."""
    standing = access.readable_conversation(request.user, conversation_id)
    if standing.is_client:
        return redirect("conversations:chat", conversation_id=conversation_id)
    if request.htmx:
        return render(request, f"{CONSOLE}#changed", _console_context(request, standing))
    return _page(request, standing)


def _page(
    request: MemberRequest, standing: access.Standing, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = dashboard.context_of(request, **_console_context(request, standing), **more)
    return render(request, CONSOLE, context, status=status)


def _console_context(request: MemberRequest, standing: access.Standing) -> dict[str, Any]:
    conversation, names = announcing.load_with_names(standing.conversation.pk)
    listed = list(access.readable_messages(standing).select_related("sender"))
    if listed and request.htmx:
        now = timezone.now()
        reading.note_again(reader=request.user, conversation_id=conversation.pk, now=now, request=request)
    elif listed:
        reading.note(reader=request.user, conversation_id=conversation.pk, request=request)
    episode = open_episode(conversation)
    words_hidden = standing.visible_from > 0
    is_holder = conversation.holder_id == request.user.pk
    if is_holder:
        absence.note_act(coach=request.user, conversation_id=conversation.pk, now=timezone.now())
    return {
        "title": conversation.owner.name,
        "topic": "" if words_hidden else conversation.title or "New conversation",
        "conversation": conversation,
        "names": names,
        "client": conversation.owner.name,
        "messages_shown": views_of(listed, names, reader_id=request.user.pk),
        "words_hidden": words_hidden,
        "visible_from": standing.visible_from,
        "shared_elsewhere": words_hidden and conversation.visibility == Conversation.Visibility.COACHED,
        "brief": briefing.brief(conversation, episode, listed, words_hidden=words_hidden),
        "row": waiting.row(request.user, episode, now=timezone.now()) if episode else None,
        "is_holder": is_holder,
        "left_at": absence.left_by(request.user, conversation.pk),
        "held_by": conversation.holder.name if conversation.holder and not is_holder else "",
        "client_id": uuid4(),
        "longest": LONGEST,
        "socket_path": f"/ws/conversations/{conversation.pk}/",
    }


def _changed(request: MemberRequest, conversation_id: UUID, notice: str = "") -> HttpResponse:
    """Answer a button: how things stand now to htmx, else the page."""
    if not request.htmx:
        if notice:
            notes.warning(request, notice)
        return redirect("conversations:console", conversation_id=conversation_id)
    standing = access.readable_conversation(request.user, conversation_id)
    context = {**_console_context(request, standing), "notice": notice}
    return render(request, f"{CONSOLE}#changed", context)


@require_POST
@coach_required
def take_over(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Take a conversation over; a second coach is told who has it."""
    try:
        async_to_sync(acting.take_over)(coach=request.user, conversation_id=conversation_id)
    except handoff.AlreadyTaken as taken:
        return _changed(request, conversation_id, str(taken))
    return _changed(request, conversation_id)


@require_POST
@coach_required
def hand_back(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Give a conversation back to the AI; where that ends the coach's access, the queue is next."""
    try:
        async_to_sync(acting.hand_back)(coach=request.user, conversation_id=conversation_id)
    except handoff.NotHeld:
        return _changed(request, conversation_id, "You do not have this conversation; nothing was changed.")
    try:
        access.readable_conversation(request.user, conversation_id)
    except NotVisible:
        notes.success(request, "You have handed the conversation back; it is no longer open to you.")
        queue_page = redirect("conversations:queue")
        return HttpResponseClientRedirect(queue_page.url) if request.htmx else queue_page
    return _changed(request, conversation_id)


@require_POST
@coach_required
def speak(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Say something as the coach, from a page without a socket; what could not be sent stays in the box."""
    form = SpeakForm(request.POST)
    if not form.is_valid():
        return _with_text(request, conversation_id, request.POST, refusal=STALE)
    try:
        async_to_sync(acting.speak)(coach=request.user, conversation_id=conversation_id, **form.cleaned_data)
    except (Refusal, handoff.AlreadyTaken) as refused:
        return _with_text(request, conversation_id, form.cleaned_data, refusal=str(refused))
    return redirect("conversations:console", conversation_id=conversation_id)


def _with_text(
    request: MemberRequest, conversation_id: UUID, said: Mapping[str, Any], *, refusal: str
) -> HttpResponse:
    standing = access.readable_conversation(request.user, conversation_id)
    kept: dict[str, Any] = {"text": said.get("text", ""), "draft": said.get("draft", "")}
    return _page(request, standing, status=422, refusal=refusal, **kept)


@require_POST
@coach_required
def draft(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Have the AI draft a reply: into the box of the page, or as JSON for the script that asked."""
    form = DraftForm(request.POST)
    text = form.cleaned_data["text"].rstrip() if form.is_valid() else ""
    # A provider may take its time; the connection goes back to the pool meanwhile.
    close_old_connections()
    problem, proposed = "", None
    try:
        proposed = async_to_sync(drafting.draft)(coach=request.user, conversation_id=conversation_id)
    except drafting.NoDraft as reason:
        problem = str(reason)
    if request.accepts("text/html"):
        standing = access.readable_conversation(request.user, conversation_id)
        text = "\n\n".join(filter(None, (text, proposed.text if proposed else "")))
        shown: dict[str, Any] = {"text": text, "draft": proposed.text if proposed else ""}
        shown |= {"draft_problem": problem, "draft_sources": proposed.sources if proposed else ()}
        return _page(request, standing, **shown)
    if proposed is None:
        return JsonResponse({"problem": problem})
    sources = [{"title": each.title, "place": each.place, "url": each.url} for each in proposed.sources]
    return JsonResponse({"text": proposed.text, "sources": sources})
