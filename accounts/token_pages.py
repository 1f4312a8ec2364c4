"""The page on which people make and revoke keys for programs. A new key is shown once, in the answer that made it."""

from typing import ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts import access, tokens
from accounts.http import MemberRequest, member_required
from accounts.scopes import offered_to

DOCS = "/api/docs/"
"""Where the API is explained; the floor that composes puts it there."""


class TokenForm(forms.Form):
    """A new key: what it is for, what it opens, how long it lasts."""

    DAYS: ClassVar = [("7", "A week"), ("30", "A month"), ("90", "Three months"), ("365", "A year")]

    name = forms.CharField(
        max_length=80,
        label="What is it for?",
        help_text="A name by which you will know it, such as the program that uses it.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What may it do?",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that the key may do."},
    )
    days = forms.TypedChoiceField(
        choices=DAYS, coerce=int, initial="90", label="How long does it last?", widget=forms.RadioSelect
    )

    def __init__(self, *args: object, role: str, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.fields["scopes"].choices = [(scope.value, scope.label) for scope in offered_to(role)]  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def keys(request: MemberRequest) -> HttpResponse:
    """List the member's keys, and make a new one."""
    form = TokenForm(request.POST or None, role=request.user.role)
    issued = None
    if request.method == "POST" and form.is_valid():
        try:
            issued = tokens.issue(
                owner=request.user, **form.cleaned_data, now=timezone.now(), request=request
            )
        except tokens.TooManyTokens:
            form.add_error(None, f"You have {tokens.MOST} keys. Revoke one that you no longer need.")
        else:
            form = TokenForm(role=request.user.role)
    context = {
        "form": form,
        "issued": issued,
        "tokens": access.own_tokens(request.user),
        "now": timezone.now(),
        "docs": DOCS,
    }
    response = render(request, "accounts/tokens.html", context)
    if issued:
        response["Cache-Control"] = "no-store"
    return response


@require_POST
@member_required
def revoke(request: MemberRequest, token_id: UUID) -> HttpResponse:
    """End a key at once."""
    token = tokens.revoke(owner=request.user, token_id=token_id, now=timezone.now(), request=request)
    messages.success(request, f"The key “{token.name}” is revoked. Whatever used it is refused from now on.")
    return redirect("tokens")
