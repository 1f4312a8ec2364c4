"""The page in the dashboard on which a coach writes their own AI, and sees how it would begin."""

from django.contrib import messages as notes
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import dashboard
from accounts.http import MemberRequest, coach_required
from coaching import personas
from coaching.forms import PersonaForm

TEMPLATE = "coaching/persona.html"


@require_http_methods(["GET", "HEAD", "POST"])
@coach_required
def persona(request: MemberRequest) -> HttpResponse:
    """Show a coach their own AI, and keep what they write of it."""
    if request.method != "POST":
        return _page(request, PersonaForm(coach=request.user, written=personas.own(request.user)))
    form = PersonaForm(request.POST, coach=request.user)
    if not form.is_valid():
        return _page(request, form, status=422)
    changed = personas.write(coach=request.user, change=form.change(), request=request)
    notes.success(
        request, "Saved. It speaks so from its next answer on." if changed else "Nothing was changed."
    )
    return redirect("coaching:persona")


@require_POST
@coach_required
def preview(request: MemberRequest) -> HttpResponse:
    """Show how the AI would begin, without keeping anything; a script gets that part alone."""
    form = PersonaForm(request.POST, coach=request.user)
    form.is_valid()
    if not request.htmx:
        return _page(request, form)
    context = {"preview": personas.preview(coach=request.user, written=form.written())}
    return render(request, f"{TEMPLATE}#preview", context)


def _page(request: MemberRequest, form: PersonaForm, *, status: int = 200) -> HttpResponse:
    written = form.written() if form.is_bound else personas.own(request.user)
    shown = {"form": form, "preview": personas.preview(coach=request.user, written=written)}
    context = dashboard.context_of(request, title="Your AI", **shown)
    return render(request, TEMPLATE, context, status=status)
