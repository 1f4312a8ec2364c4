"""Exports: the page on which they are asked for and fetched, and one conversation as Markdown at once."""

from uuid import UUID

from django.contrib import messages as notes
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts import quota_answers, quotas
from accounts.http import MemberRequest, member_required
from conversations import exports, exports_markdown, tasks
from conversations.downloads import attachment
from conversations.forms import ExportForm
from conversations.outward import Export

PAGE = "conversations/exports.html"


@require_safe
@member_required
def exports_page(request: MemberRequest) -> HttpResponse:
    """Show what can be exported and what was; htmx gets the list alone while something is being made."""
    return _page(request, f"{PAGE}#list" if request.htmx else PAGE)


def _page(request: MemberRequest, template: str) -> HttpResponse:
    listed = exports.listed(request.user)
    unfinished = {Export.State.WAITING, Export.State.RUNNING}
    context = {
        "exports": listed,
        "is_busy": any(export.state in unfinished for export in listed),
        "left": quota_answers.exports_left(request.user),
        "form": ExportForm(offered=exports.offered(request.user)),
    }
    return render(request, template, context)


@require_POST
@member_required
def ask(request: MemberRequest) -> HttpResponse:
    """Have an export made."""
    form = ExportForm(request.POST, offered=exports.offered(request.user))
    if not form.is_valid():
        notes.error(request, "Choose what to export, and how.")
        return redirect("conversations:exports")
    try:
        wanted = exports.Wanted(**form.cleaned_data)
        export = exports.ask(member=request.user, wanted=wanted, now=timezone.now(), request=request)
    except exports.OneAtATime:
        notes.warning(request, "Another export of yours is being made. Ask again when it is ready.")
    except quotas.UsedUp as refused:
        return _refuse(request, refused)
    else:
        tasks.nudge_export(export.pk)
    return redirect("conversations:exports")


@require_POST
@member_required
def discard(request: MemberRequest, export_id: UUID) -> HttpResponse:
    """Delete an export and its files now."""
    exports.discard(member=request.user, export_id=export_id, now=timezone.now())
    notes.success(request, "The export is deleted.")
    return redirect("conversations:exports")


@require_GET  # On record is that the words were taken along.
@member_required
def fetch(request: MemberRequest, export_id: UUID, name: str) -> HttpResponseBase:
    """Send a file of an export."""
    try:
        file = exports.fetch(
            member=request.user, export_id=export_id, name=name, now=timezone.now(), request=request
        )
    except exports.NoLongerOpen:
        notes.warning(
            request, "What you may read has changed since, so the export is deleted. Have it made anew."
        )
        return redirect("conversations:exports")
    return attachment(file)


@require_GET  # Each is one of the day's exports.
@member_required
def markdown(request: MemberRequest, conversation_id: UUID) -> HttpResponseBase:
    """Send one conversation as Markdown with its sources as footnotes."""
    try:
        file = exports_markdown.conversation_file(
            member=request.user, conversation_id=conversation_id, request=request
        )
    except quotas.UsedUp as refused:
        return _refuse(request, refused)
    return attachment(file)


def _refuse(request: MemberRequest, refused: quotas.UsedUp) -> HttpResponse:
    """Return the page of the exports, which says when the next is possible."""
    notes.error(request, quota_answers.words_for_exports(refused))
    return quota_answers.refuse(_page(request, PAGE), refused)
