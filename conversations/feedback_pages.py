"""The feedback queue in the dashboard: the list, and one piece of feedback with what became of it."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages as notes
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import dashboard
from accounts.http import MemberRequest, coach_required
from conversations import minding_feedback
from conversations.forms import FeedbackFilterForm, HandlingForm


@require_safe
@coach_required
def queue(request: MemberRequest) -> HttpResponse:
    """List the feedback that the member looks after, without words."""
    form = FeedbackFilterForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    page = minding_feedback.page(request.user, **wanted)
    kept = {name: value for name, value in wanted.items() if value and name != "before"}
    context = {
        "title": "Feedback",
        "page": page,
        "form": form,
        "is_narrowed": bool(kept),
        "earlier": f"?{urlencode({**kept, 'before': page.next_before})}" if page.next_before else "",
    }
    return render(request, "conversations/feedback/queue.html", dashboard.context_of(request, **context))


@require_http_methods(["GET", "POST"])  # Each look is on record as a reading.
@coach_required
def feedback(request: MemberRequest, feedback_id: UUID) -> HttpResponse:
    """Show one piece of feedback, with its words where the member may read them; keep what became of it."""
    if request.method == "POST":
        form = HandlingForm(request.POST)
        if form.is_valid():
            minding_feedback.handle(
                member=request.user, feedback_id=feedback_id, now=timezone.now(), **form.cleaned_data
            )
            notes.success(request, "Saved.")
            return redirect("conversations:feedback_queue")
        return _page(request, feedback_id, form)
    return _page(request, feedback_id)


def _page(request: MemberRequest, feedback_id: UUID, form: HandlingForm | None = None) -> HttpResponse:
    row, found, words = minding_feedback.look_at(
        member=request.user, feedback_id=feedback_id, request=request
    )
    context = {
        "title": f"Feedback of {row.client}",
        "row": row,
        "feedback": found,
        "words": words,
        "form": form or HandlingForm(initial={"state": found.state, "note": found.note}),
    }
    status = 422 if form else 200
    return render(
        request, "conversations/feedback/detail.html", dashboard.context_of(request, **context), status=status
    )
