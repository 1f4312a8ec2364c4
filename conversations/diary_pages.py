"""The page of the access diary."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import NotVisible
from accounts.http import MemberRequest, member_required
from conversations import access, diary
from conversations.forms import DiaryForm


@require_safe
@member_required
def diary_page(request: MemberRequest) -> HttpResponse:
    """Show who has looked at the member's conversations, or at one of them."""
    form = DiaryForm(request.GET)
    if not form.is_valid():
        raise NotVisible
    wanted = form.cleaned_data
    chosen = access.own_conversation(request.user, wanted["conversation"]) if wanted["conversation"] else None
    page = diary.page(request.user, conversation=chosen, before=wanted["before"])
    earlier = {"before": page.next_before, **({"conversation": chosen.pk} if chosen else {})}
    context = {
        "page": page,
        "chosen": chosen,
        "earlier": f"?{urlencode(earlier)}" if page.next_before else "",
        "is_first": wanted["before"] is None,
    }
    return render(request, "conversations/diary.html", context)
