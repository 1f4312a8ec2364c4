"""The pages on which people take their data with them, or have it erased, and administrators erase others."""

from uuid import UUID

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import access, data_requests, people, quota_answers, quotas
from accounts.access import NotVisible
from accounts.data_forms import EraseForm, PasswordAgainForm
from accounts.downloads import Download
from accounts.http import MemberRequest
from accounts.lifecycle_models import AccountExport, Erasure
from accounts.models import User

PERSON = "admin:accounts_user_change"
PAGE = "accounts/your_data.html"

WAITS = {
    "open_crisis": "It waits until somebody has been there for you.",
    "last_administrator": "It waits until your organization has another administrator.",
}
"""Why an erasure that is due has not begun, in words."""


@require_safe
@login_required
def your_data(request: MemberRequest) -> HttpResponse:
    """Show what can be done with one's own data; htmx gets how far the copy is."""
    form = PasswordAgainForm(person=request.user, request=request)
    template = f"{PAGE}#export" if request.htmx else PAGE
    return render(request, template, _context(request.user, form=form))


def _context(person: User, **values: object) -> dict[str, object]:
    export = data_requests.last_export(person)
    erasure = data_requests.open_erasure(person)
    now = timezone.now()
    is_ready = export is not None and export.state == AccountExport.State.READY
    return {
        "export": export,
        "is_busy": export is not None and export.state in data_requests.UNFINISHED,
        "is_ready": is_ready
        and export is not None
        and export.expires_at is not None
        and export.expires_at > now,
        "erasure": erasure,
        "waits": WAITS.get(erasure.waits_for, "") if erasure else "",
        "may_cancel": erasure is not None and data_requests.may_cancel(person, erasure),
        "grace": settings.ERASURE_GRACE.days,
        "exports_left": quota_answers.exports_left(person),
        **values,
    }


@require_POST
@login_required
def ask_for_export(request: MemberRequest) -> HttpResponse:
    """Begin to make a copy, once the password was right."""
    form = PasswordAgainForm(request.POST, person=request.user, request=request)
    if not form.is_valid():
        return render(request, PAGE, _context(request.user, form=form), status=422)
    try:
        data_requests.ask_for_export(person=request.user, now=timezone.now(), request=request)
    except quotas.UsedUp as refused:
        messages.error(request, quota_answers.words_for_exports(refused))
        return quota_answers.refuse(render(request, PAGE, _context(request.user, form=form)), refused)
    return redirect("your_data")


@require_safe
@login_required
def download(request: MemberRequest, export_id: UUID) -> HttpResponseBase:
    """Hand out a copy to the person whose it is, as long as its day lasts."""
    export = access.own_export(request.user, export_id, now=timezone.now())
    try:
        file = default_storage.open(export.file)
    except FileNotFoundError as error:
        raise NotVisible from error
    data_requests.note_download(export=export, request=request)
    return Download(file, as_attachment=True, filename="your-data.zip", content_type="application/zip")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def erase(request: MemberRequest) -> HttpResponse:
    """Say what goes and what stays; erase the account once the address and the password were typed."""
    person = request.user
    form = EraseForm(request.POST or None, person=person, account=person, request=request)
    last = people.is_last_administrator(person)
    if request.method != "POST" or last or not form.is_valid():
        context = {"form": form, "is_last_administrator": last, "grace": settings.ERASURE_GRACE.days}
        status = 422 if request.method == "POST" else 200
        return render(request, "accounts/erase.html", context, status=status)
    erasure = data_requests.ask_for_erasure(actor=person, person=person, now=timezone.now(), request=request)
    data_requests.leave(request=request, person=person)
    messages.success(
        request,
        f"Your account will be erased on {erasure.due_at:%d %B %Y}. To keep it, sign in before then and cancel.",
    )
    return redirect("account_login")


@require_POST
@login_required
def stay(request: MemberRequest) -> HttpResponse:
    """Take back an erasure."""
    data_requests.cancel_erasure(actor=request.user, person=request.user, request=request)
    messages.success(request, "Your account stays. Nothing was erased.")
    return redirect("your_data")


def _administered(request: MemberRequest, person_id: UUID) -> User:
    """Return somebody else whom the administrator may erase.

    Raises:
        NotVisible: there is none, or it is not the administrator's to do.
    """
    person = access.visible_member(request.user, person_id)
    if person.pk == request.user.pk or not access.administers(request.user, person.organization_id):
        raise NotVisible
    return person


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def erase_person(request: MemberRequest, person_id: UUID) -> HttpResponse:
    """Let an administrator erase somebody of the organization, after the same confirmation."""
    person = _administered(request, person_id)
    form = EraseForm(request.POST or None, person=request.user, account=person, request=request)
    erasure: Erasure | None = data_requests.open_erasure(person)
    if request.method != "POST" or not form.is_valid():
        context = {
            **admin.site.each_context(request),
            "title": f"Erase {person.name}",
            "person": person,
            "form": form,
            "erasure": erasure,
            "may_cancel": erasure is not None and data_requests.may_cancel(request.user, erasure),
            "grace": settings.ERASURE_GRACE.days,
        }
        status = 422 if request.method == "POST" else 200
        return render(request, "admin/accounts/erase.html", context, status=status)
    try:
        data_requests.ask_for_erasure(actor=request.user, person=person, now=timezone.now(), request=request)
    except people.LastAdministrator:
        messages.error(request, "An organization needs one active administrator. Name another one first.")
    else:
        messages.success(request, f"{person.name} will be erased in {settings.ERASURE_GRACE.days} days.")
    return redirect("erase_person", person_id)


@require_POST
@login_required
def keep_person(request: MemberRequest, person_id: UUID) -> HttpResponse:
    """Let an administrator take back the erasure of somebody."""
    person = _administered(request, person_id)
    data_requests.cancel_erasure(actor=request.user, person=person, request=request)
    messages.success(request, f"{person.name} stays. Nothing was erased.")
    return redirect(PERSON, person_id)
