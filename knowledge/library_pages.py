"""The library in the dashboard: add, watch, read, edit, replace, stop, retry and delete documents."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import dashboard
from accounts.access import NotVisible, organization_of
from accounts.http import MemberRequest, coach_required
from coaching.providers.ports import ProviderError
from knowledge import access, library, page_images, room, shelf
from knowledge.forms import BUSY_PROVIDER, OWN, DocumentForm, ReplaceForm, UploadForm
from knowledge.models import Document, DocumentVersion

LIBRARY = "admin:knowledge_document_changelist"
DOCUMENT = "admin:knowledge_document_change"
DOCUMENTS_A_PAGE = 50
PASSAGES_A_PAGE = 20


@require_safe
@coach_required
def documents(request: MemberRequest) -> HttpResponse:
    """List what the member may see; a request of htmx gets the rows alone."""
    readable = access.readable_documents(request.user).order_by("-created_at")
    page = Paginator(readable, DOCUMENTS_A_PAGE).get_page(request.GET.get("page"))
    listed = shelf.entries(request.user, readable.filter(pk__in=[document.pk for document in page]))
    context = {
        "title": "Library",
        "entries": listed,
        "page": page,
        "is_busy": any(entry.is_busy for entry in listed),
    }
    if request.htmx:
        return render(request, "admin/knowledge/library.html#documents", context)
    context |= {"upload_form": UploadForm(), "room": room.of(organization_of(request.user))}
    return render(request, "admin/knowledge/library.html", dashboard.context_of(request, **context))


@require_POST
@coach_required
def upload(request: MemberRequest) -> HttpResponse:
    """Add the files that were handed in; a script that sends them one by one is answered without a page."""
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return _problem(request, problem)
    own = form.cleaned_data["keeper"] == OWN
    place = library.Shelf(organization_of(request.user).pk, request.user.pk if own else None)
    try:
        known = _add_all(request, place, form.cleaned_data["documents"])
    except room.LibraryFull as full:
        return _problem(request, str(full))
    if request.htmx:
        return _told(" ".join(_there_before("This file", title) for _, title in known))
    for name, title in known:
        messages.info(request, _there_before(name, title))
    return redirect(LIBRARY)


def _add_all(
    request: MemberRequest, place: library.Shelf, files: "Iterable[UploadedFile[bytes]]"
) -> list[tuple[str, str]]:
    """Add the files and return the names of those that were there before, each with its document's title.

    Raises:
        LibraryFull: there is no room for one of them; those before it are added.
    """
    known = []
    for file in files:
        name = file.name or "Untitled"
        added = library.add(
            shelf=place, filename=name, content=file, now=timezone.now(), added_by_id=request.user.pk
        )
        if not added.is_new:
            known.append((name, added.version.document.title))
    return known


def _there_before(file: str, title: str) -> str:
    return f"{file} is already in the library, as {title}."


def _told(text: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


def _problem(request: MemberRequest, text: str) -> HttpResponse:
    if request.htmx:
        return _told(text, status=422)
    messages.error(request, text)
    return redirect(LIBRARY)


@require_http_methods(["GET", "HEAD", "POST"])
@coach_required
def document(request: MemberRequest, document_id: UUID) -> HttpResponse:
    """Show a document with its passages, and save what was changed about it."""
    found = access.readable_document(request.user, document_id)
    form = DocumentForm(initial=DocumentForm.initial_of(found))
    if request.method == "POST":
        access.writable_document(request.user, document_id)
        form = DocumentForm(request.POST)
        if form.is_valid() and _saved(request, document_id, form):
            return redirect(DOCUMENT, document_id)
    return render(request, "admin/knowledge/document.html", _document_context(request, found, form))


def _saved(request: MemberRequest, document_id: UUID, form: DocumentForm) -> bool:
    try:
        library.edit(document_id=document_id, **form.cleaned_data)
    except ProviderError:
        form.add_error("chosen_domains", BUSY_PROVIDER)
        return False
    messages.success(request, "Saved.")
    return True


def _document_context(request: MemberRequest, found: Document, form: DocumentForm) -> dict[str, Any]:
    entry = shelf.entry(request.user, found.pk)
    versions = list(found.versions.order_by("-number"))
    shown = _shown_version(entry, versions, request.GET.get("version", ""))
    passages = Paginator(shelf.preview(shown), PASSAGES_A_PAGE).get_page(request.GET.get("page"))
    return dashboard.context_of(
        request,
        title=found.title,
        entry=entry,
        form=form,
        replace_form=ReplaceForm(),
        versions=versions,
        shown=shown,
        passages=passages,
        sheets=shelf.sheets(passages.object_list),
        has_pictures=page_images.can_draw(shown),
        is_busy=entry.is_busy,
    )


def _shown_version(entry: shelf.Entry, versions: Iterable[DocumentVersion], wanted: str) -> DocumentVersion:
    """Return the version asked for, else the one that searches find, else the latest."""
    asked = next((version for version in versions if str(version.number) == wanted), None)
    return asked or entry.live or entry.latest


@require_safe
@coach_required
def state(request: MemberRequest, document_id: UUID) -> HttpResponse:
    """Return the state of one document as a fragment, for as long as it is being read."""
    access.readable_document(request.user, document_id)
    entry = shelf.entry(request.user, document_id)
    context = {"entry": entry, "is_busy": entry.is_busy}
    return render(request, "admin/knowledge/document.html#state", context)


@require_POST
@coach_required
def replace(request: MemberRequest, document_id: UUID) -> HttpResponse:
    """Take a changed file as the document's new version."""
    found = access.writable_document(request.user, document_id)
    form = ReplaceForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for error in form.errors["file"]))
        return redirect(DOCUMENT, document_id)
    file = form.cleaned_data["file"]
    try:
        added = library.replace(
            document_id=found.pk, filename=file.name or "Untitled", content=file, now=timezone.now()
        )
    except library.AlreadyInLibrary as already:
        messages.warning(request, _there_before("This file", already.document.title))
        return redirect(DOCUMENT, document_id)
    except room.LibraryFull as full:
        messages.error(request, str(full))
        return redirect(DOCUMENT, document_id)
    if added.is_new:
        messages.success(
            request, "The new version is being read. Until it is ready, searches find the old one."
        )
    else:
        messages.info(request, "This document has had exactly this file before.")
    return redirect(DOCUMENT, document_id)


@require_POST
@coach_required
def cancel(request: MemberRequest, document_id: UUID) -> HttpResponse:
    """Stop reading the latest version."""
    library.cancel(version_id=access.latest_version(request.user, document_id).pk)
    return _back(request, document_id)


@require_POST
@coach_required
def retry(request: MemberRequest, document_id: UUID) -> HttpResponse:
    """Go on with the latest version where it stopped."""
    library.retry(version_id=access.latest_version(request.user, document_id).pk)
    return _back(request, document_id)


@require_http_methods(["GET", "HEAD", "POST"])
@coach_required
def delete(request: MemberRequest, document_id: UUID) -> HttpResponse:
    """Ask whether to delete a document, and delete it."""
    try:
        found = access.writable_document(request.user, document_id)
    except NotVisible:
        if not library.was_deleted(document_id=document_id, by=request.user, now=timezone.now()):
            raise
        messages.info(request, "This document is already deleted.")
        return redirect(LIBRARY)
    if request.method != "POST":
        context = dashboard.context_of(
            request, title=f"Delete {found.title}?", entry=shelf.entry(request.user, found.pk)
        )
        return render(request, "admin/knowledge/delete.html", context)
    library.delete(document_id=found.pk, deleted_by=request.user)
    messages.success(request, f"{found.title} and everything that was found in it are deleted.")
    return redirect(LIBRARY)


def _back(request: MemberRequest, document_id: UUID) -> HttpResponse:
    """Answer a button: the rows of the list to htmx, else the page that it was on."""
    if request.POST.get("from") == "document":
        return redirect(DOCUMENT, document_id)
    return redirect(LIBRARY)
