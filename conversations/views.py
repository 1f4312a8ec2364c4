"""The educator's pages: the list, the chat, and what can be done without a socket."""

from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import async_to_sync
from django.contrib import messages as notes
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.http import MemberRequest, member_required
from conversations import (
    access,
    acting,
    allowance,
    announcing,
    giving_feedback,
    organizing,
    pseudonyms,
    queries,
    refusing,
    sharing,
    tasks,
)
from conversations.episodes import open_episode
from conversations.forms import (
    ClientSayForm,
    FeedbackForm,
    ListForm,
    SayForm,
    StatusForm,
    TitleForm,
    VisibilityForm,
)
from conversations.models import Conversation, Feedback, Handoff
from conversations.presenting import view_of, views_of
from conversations.suggesting import first_questions, first_questions_for
from conversations.turns.accept import LONGEST, Refusal
from conversations.turns.student_gate import StudentDataFound

REPLACE, UNDO = "replace", "undo"
"""What a page without a script may ask for a draft in which student data was found."""
OTHERS = 12
"""How many other conversations the chat's side shows."""


@require_safe
@member_required
def index(request: MemberRequest) -> HttpResponse:
    """Show the member's conversations; htmx gets the list alone, or the rows that follow."""
    form = ListForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    status = wanted.get("status") or Conversation.Status.ACTIVE
    search, before = wanted.get("search", ""), wanted.get("before")
    if status == queries.DELETED:
        page = queries.deleted_list(request.user, now=timezone.now(), search=search, before=before)
    else:
        page = queries.conversation_list(request.user, status=status, search=search, before=before)
    begins = status == Conversation.Status.ACTIVE and not (search or before or page.conversations)
    context = {
        "page": page,
        "status": status,
        "search": search,
        "statuses": ListForm.STATUSES,
        "suggestions": first_questions_for(request.user) if begins else [],
        "client_id": uuid4(),
    }
    if request.htmx:
        return render(request, f"conversations/index.html#{'rows' if before else 'list'}", context)
    context["deleted"] = request.session.pop("deleted_conversation", "")
    return render(request, "conversations/index.html", context)


@require_POST
@member_required
def begin(request: MemberRequest) -> HttpResponse:
    """Begin a conversation, with a first question if one was chosen."""
    visibility = VisibilityForm(request.POST)
    chosen = (
        visibility.cleaned_data["visibility"] if visibility.is_valid() else Conversation.Visibility.COACHED
    )
    question = SayForm(request.POST)
    asks = bool(request.POST.get("text", "").strip())
    conversation = organizing.begin(
        member=request.user,
        now=timezone.now(),
        visibility=chosen,
        begun_with=organizing.key_of(**question.cleaned_data) if asks and question.is_valid() else None,
    )
    if asks:
        return _say(request, conversation.pk)
    return redirect("conversations:chat", conversation_id=conversation.pk)


@require_safe
@member_required
def chat(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Show one conversation to its owner; htmx gets how things stand; a coach is sent to the console."""
    standing = access.readable_conversation(request.user, conversation_id)
    if not standing.is_client:
        return redirect("conversations:console", conversation_id=conversation_id)
    if request.htmx:
        return _situation(request, conversation_id)
    return render(request, "conversations/chat.html", _chat_context(request, standing))


def _chat_context(request: MemberRequest, standing: access.Standing) -> dict[str, object]:
    conversation, names = announcing.load_with_names(standing.conversation.pk)
    listed = access.readable_messages(standing).select_related("sender")
    messages = views_of(listed, names, reader_id=request.user.pk)
    left = allowance.left(request.user)
    return {
        **_standing_context(conversation),
        "names": names,
        "messages_shown": messages,
        "suggestions": [] if messages else first_questions(conversation),
        "client_id": uuid4(),
        "longest": LONGEST,
        "left": allowance.words_left(left),
        "scarce": allowance.words_of_scarcity(request.user, now=timezone.now()),
        "wait_s": 0 if left.away or conversation.holder else left.retry_after_s,
        "writing": any(message.state == "streaming" for message in messages),
        "others": queries.conversation_list(request.user).conversations[:OTHERS],
        "socket_path": f"/ws/conversations/{conversation.pk}/",
    }


def _standing_context(conversation: Conversation) -> dict[str, object]:
    """Return what is said about who reads, who waits and who is here."""
    episode = open_episode(conversation)
    private = conversation.visibility == Conversation.Visibility.PRIVATE
    return {
        "conversation": conversation,
        "coach_name": conversation.coach.name if conversation.coach else "",
        "episode": episode,
        "may_cancel": episode is not None and episode.reason != Handoff.Reason.CRISIS,
        "needs_consent": episode is not None and private and not episode.consented,
    }


def _situation(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Show how things stand now, as a fragment of the chat."""
    conversation, _ = announcing.load_with_names(conversation_id)
    return render(request, "conversations/chat.html#situation", _standing_context(conversation))


@require_POST
@member_required
def say(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Take a message from a page without a socket; a worker answers it."""
    return _say(request, conversation_id)


def _say(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    form = ClientSayForm(request.POST)
    if not form.is_valid():
        notes.error(request, "The page was out of date. Your message is still in the box of the page before.")
        return redirect("conversations:chat", conversation_id=conversation_id)
    said = form.cleaned_data
    try:
        if said["student_data"] in {REPLACE, UNDO}:
            return _draft_again(request, conversation_id, **_redrafted(request, conversation_id, said))
        accepted = allowance.accept_within(
            member=request.user,
            conversation_id=conversation_id,
            client_id=form.cleaned_data["client_id"],
            text=said["text"],
            now=timezone.now(),
            student_data=said["student_data"],
        )
    except StudentDataFound:
        question = pseudonyms.propose(member=request.user, conversation_id=conversation_id, text=said["text"])
        return _draft_again(request, conversation_id, draft=question.draft, question=question)
    except Refusal as refusal:
        response = _draft_again(
            request,
            conversation_id,
            status=refusing.status(refusal),
            draft=said["text"],
            refusal=refusal.text,
            wait_s=refusal.seconds or 0,
        )
        for name, value in refusing.headers(refusal).items():
            response[name] = value
        return response
    if not accepted.repeated:
        if accepted.waiting_turn_id is not None:
            tasks.nudge(accepted.waiting_turn_id)
        async_to_sync(announcing.show)(
            conversation_id,
            sequence=accepted.message.sequence,
            with_state=accepted.called,
            silence=accepted.silenced,
        )
    return redirect("conversations:chat", conversation_id=conversation_id)


def _redrafted(request: MemberRequest, conversation_id: UUID, said: dict[str, str]) -> dict[str, Any]:
    """Return the draft with pseudonyms put in or taken out again, for a page without a script."""
    taken_out = said["student_data"] == UNDO
    text = said["original"] if taken_out else said["text"]
    question = pseudonyms.propose(member=request.user, conversation_id=conversation_id, text=text)
    if taken_out:
        return {"draft": question.draft, "question": question}
    return {"draft": question.suggestion, "original": question.draft, "replaced": True}


def _draft_again(
    request: MemberRequest, conversation_id: UUID, *, status: int = 422, **draft: Any
) -> HttpResponse:
    """Show the chat with a message that was not sent, and why."""
    standing = access.readable_conversation(request.user, conversation_id)
    context = {**_chat_context(request, standing), **draft}
    return render(request, "conversations/chat.html", context, status=status)


@require_POST
@member_required
def ask_for_coach(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Ask for a person."""
    access.own_conversation(request.user, conversation_id)
    async_to_sync(acting.ask_for_coach)(member=request.user, conversation_id=conversation_id)
    return _back(request, conversation_id)


@require_POST
@member_required
def cancel_request(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Take the request for a person back."""
    access.own_conversation(request.user, conversation_id)
    if not async_to_sync(acting.cancel_request)(member=request.user, conversation_id=conversation_id):
        notes.info(
            request, "There is nothing to cancel: a coach is already here, or should look in any case."
        )
    return _back(request, conversation_id)


@require_POST
@member_required
def consent(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Let the coach of the open episode read this private conversation."""
    access.own_conversation(request.user, conversation_id)
    async_to_sync(acting.consent)(member=request.user, conversation_id=conversation_id)
    return _back(request, conversation_id)


@require_POST
@member_required
def stop(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """End the answer that is being written."""
    access.own_conversation(request.user, conversation_id)
    async_to_sync(acting.stop)(conversation_id=conversation_id)
    return _back(request, conversation_id)


@require_POST
@member_required
def rename(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Give a conversation another title; the list shows its row anew."""
    form = TitleForm(request.POST)
    if form.is_valid():
        conversation = organizing.rename(
            member=request.user, conversation_id=conversation_id, now=timezone.now(), **form.cleaned_data
        )
    else:
        conversation = access.own_conversation(request.user, conversation_id)
        notes.error(request, "A title has between 1 and 200 characters.")
    if request.htmx:
        context = {"conversation": conversation, "search": "", "status": conversation.status}
        return render(request, "conversations/partials/row.html", context)
    return redirect("conversations:chat", conversation_id=conversation_id)


@require_POST
@member_required
def set_status(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Archive a conversation or bring it back."""
    form = StatusForm(request.POST)
    access.own_conversation(request.user, conversation_id)
    if not form.is_valid():
        return redirect("conversations:index")
    try:
        organizing.set_status(
            member=request.user, conversation_id=conversation_id, now=timezone.now(), **form.cleaned_data
        )
    except organizing.NotToBeArchived as reason:
        notes.warning(request, str(reason))
        return redirect("conversations:chat", conversation_id=conversation_id)
    return redirect("conversations:index")


@require_POST
@member_required
def set_visibility(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Share a conversation with the coach, or keep it private; open sockets are told at once."""
    form = VisibilityForm(request.POST)
    conversation = access.own_conversation(request.user, conversation_id)
    if form.is_valid():
        organizing.set_visibility(
            member=request.user, conversation_id=conversation_id, now=timezone.now(), **form.cleaned_data
        )
        async_to_sync(announcing.show)(
            conversation_id, sequence=conversation.last_sequence + 1, with_state=True
        )
    return _back(request, conversation_id)


@require_POST
@member_required
def delete(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Delete a conversation; the next page offers to undo that."""
    try:
        async_to_sync(acting.delete)(member=request.user, conversation_id=conversation_id)
    except organizing.StillLookedAfter:
        notes.warning(
            request,
            "Your coach has been asked to look after you. You can delete this conversation once they have been here.",
        )
        return redirect("conversations:chat", conversation_id=conversation_id)
    request.session["deleted_conversation"] = str(conversation_id)
    return redirect("conversations:index")


@require_POST
@member_required
def restore(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Bring back a deleted conversation."""
    async_to_sync(acting.restore)(member=request.user, conversation_id=conversation_id)
    request.session.pop("deleted_conversation", None)
    text = "The conversation is back."
    if sharing.was_shared(conversation_id):
        text += " The links to it stay revoked: make a new one to share it again."
    notes.success(request, text)
    return redirect("conversations:index")


@require_POST
@member_required
def feedback(request: MemberRequest, message_id: UUID) -> HttpResponse:
    """Keep or take back a thumb for an answer."""
    form = FeedbackForm(request.POST)
    standing, message = access.readable_message(request.user, message_id)
    if form.is_valid() and form.cleaned_data["score"] == 0:
        giving_feedback.take_back(member=request.user, message_id=message_id)
    elif form.is_valid():
        giving_feedback.give(member=request.user, message_id=message_id, **form.cleaned_data)
    if not request.htmx:
        return redirect("conversations:chat", conversation_id=standing.conversation.pk)
    _, names = announcing.load_with_names(standing.conversation.pk)
    score = form.cleaned_data["score"] if form.is_valid() else 0
    context = {
        "message": view_of(message, names, score=score),
        "reasons": Feedback.Reason.choices,
        "asks_why": score != 0,
        "told_why": form.is_valid() and bool(form.cleaned_data["reasons"] or form.cleaned_data["comment"]),
    }
    return render(request, "conversations/partials/feedback.html", context)


def _back(request: MemberRequest, conversation_id: UUID) -> HttpResponse:
    """Return to the chat; an htmx page gets how things stand, and its socket shows what was said."""
    if request.htmx:
        return _situation(request, conversation_id)
    return redirect("conversations:chat", conversation_id=conversation_id)
