"""The coach's side: the queue of conversations that need a person, and the console of one of them."""

from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib import messages as notes
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import audit
from accounts.http import MemberRequest, coach_required
from conversations import access, acting, announcing, briefing, handoff, queries
from conversations.forms import SpeakForm
from conversations.presenting import views_of
from conversations.turns.accept import LONGEST, Refusal


def _dashboard(request: MemberRequest, **values: Any) -> dict[str, Any]:
    """Return the context of a page that lives inside the admin dashboard."""
    return {**admin.site.each_context(request), **values}


@require_GET
@coach_required
def queue(request: MemberRequest) -> HttpResponse:
    """Show who waits, the most urgent first."""
    template = "conversations/queue.html"
    if request.htmx:
        template += "#episodes"
    context = {
        "title": "Queue",
        "episodes": queries.waiting_queue(request.user),
        "recent": queries.recent_coached(request.user),
        "now": timezone.now(),
    }
    return render(request, template, _dashboard(request, **context))


@require_GET
@coach_required
def console(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Show one conversation to a coach who may open it; the visit is recorded."""
    standing = access.readable_conversation(request.user, conversation_id)
    if standing.is_client:
        return redirect("conversations:chat", conversation_id=conversation_id)
    return render(request, "conversations/console.html", _console_context(request, standing))


def _console_context(request: MemberRequest, standing: access.Standing, **more: Any) -> dict[str, Any]:
    conversation, names = announcing.load_with_names(standing.conversation.pk)
    listed = list(access.readable_messages(standing).select_related("sender"))
    if listed:
        audit.record(
            actor=request.user,
            action="conversation.read",
            resource=f"conversation:{conversation.pk}",
            request=request,
        )
    episode = queries.open_episode(conversation.pk)
    return _dashboard(
        request,
        title=f"{conversation.owner.name}: {conversation.title or 'New conversation'}"
        if listed
        else conversation.owner.name,
        conversation=conversation,
        names=names,
        episode=episode,
        messages_shown=views_of(listed, names, reader_id=request.user.pk),
        words_hidden=standing.visible_from > 0,
        brief=briefing.brief(conversation, episode, listed),
        is_holder=conversation.holder_id == request.user.pk,
        client_id=uuid4(),
        longest=LONGEST,
        socket_path=f"/ws/conversations/{conversation.pk}/",
        **more,
    )


@require_POST
@coach_required
def take_over(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Take a conversation over."""
    try:
        async_to_sync(acting.take_over)(coach=request.user, conversation_id=conversation_id)
    except handoff.AlreadyTaken as taken:
        notes.warning(request, str(taken))
    return redirect("conversations:console", conversation_id=conversation_id)


@require_POST
@coach_required
def speak(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Say something as the coach, from a page without a socket."""
    form = SpeakForm(request.POST)
    if not form.is_valid():
        return redirect("conversations:console", conversation_id=conversation_id)
    try:
        async_to_sync(acting.speak)(coach=request.user, conversation_id=conversation_id, **form.cleaned_data)
    except (Refusal, handoff.AlreadyTaken) as refused:
        standing = access.readable_conversation(request.user, conversation_id)
        context = _console_context(request, standing, refusal=str(refused), draft=form.cleaned_data["text"])
        return render(request, "conversations/console.html", context, status=422)
    return redirect("conversations:console", conversation_id=conversation_id)


@require_POST
@coach_required
def hand_back(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Give a conversation back to the AI."""
    try:
        async_to_sync(acting.hand_back)(coach=request.user, conversation_id=conversation_id)
    except handoff.NotHeld:
        notes.info(request, "You do not have this conversation; nothing was changed.")
    return redirect("conversations:console", conversation_id=conversation_id)
