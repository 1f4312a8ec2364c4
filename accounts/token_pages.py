"""The page on which people make and revoke keys for programs. A new key is shown once, in the answer that made it."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, cast
from uuid import UUID, uuid4

from allauth.account.authentication import get_authentication_records
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from typing_extensions import override

from accounts import access, tokens
from accounts.data_forms import PasswordAgainForm
from accounts.http import MemberRequest, member_required
from accounts.models import User
from accounts.scopes import offered_to

RECENT = timedelta(minutes=15)
DOCS = "/api/docs/"
"""Where the API is explained; the floor that composes puts it there."""


class TokenForm(PasswordAgainForm):
    """A new key: what it is for, what it opens, how long it lasts; and who is there, since it outlives the session.

    Whoever has a password enters it. Whoever comes from a provider must have come a moment ago.
    """

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
    once = forms.UUIDField(required=False, widget=forms.HiddenInput)
    field_order = ("name", "scopes", "days", "password", "once")

    def __init__(self, *args: Any, person: User, request: HttpRequest, **options: Any) -> None:
        super().__init__(*args, person=person, request=request, **options)
        self.fields["scopes"].choices = [(scope.value, scope.label) for scope in offered_to(person.role)]  # type: ignore[attr-defined]
        self.fields["once"].initial = uuid4
        self.signs_in_again = not person.uses_password and not came_recently(request, now=timezone.now())

    def begin_another(self) -> None:
        """Have the form, sent once more, make a key of its own."""
        data = cast("QueryDict", self.data).copy()
        data["once"] = str(uuid4())
        self.data = data

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse somebody without a password whose sign-in is long ago."""
        if self.signs_in_again:
            raise forms.ValidationError("It is some time since you signed in. Sign in again to make a key.")
        return {
            name: value
            for name, value in (super().clean() or self.cleaned_data).items()
            if name != "password"
        }


def came_recently(request: HttpRequest, *, now: datetime) -> bool:
    """Whether the person of this session signed in, or confirmed who they are, a moment ago."""
    records = get_authentication_records(request, request.user)
    return any(now.timestamp() - each["at"] < RECENT.total_seconds() for each in records)


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def keys(request: MemberRequest) -> HttpResponse:
    """List the member's keys, and make a new one."""
    form = TokenForm(request.POST or None, person=request.user, request=request)
    issued = None
    if request.method == "POST" and form.is_valid():
        try:
            issued = tokens.issue(
                owner=request.user, **form.cleaned_data, now=timezone.now(), request=request
            )
        except tokens.TooManyTokens:
            form.add_error(None, f"You have {tokens.MOST} keys. Revoke one that you no longer need.")
        except tokens.AlreadyMade:
            form.add_error(
                None, "This key has been made, and was shown then. Make another if you did not keep it."
            )
            form.begin_another()
        else:
            form = TokenForm(person=request.user, request=request)
    context = {
        "form": form,
        "issued": issued,
        "tokens": access.own_tokens(request.user),
        "now": timezone.now(),
        "docs": DOCS,
        "provider": _provider_of(request.user) if form.signs_in_again else None,
    }
    response = render(request, "accounts/tokens.html", context)
    if issued:
        response["Cache-Control"] = "no-store"
    return response


def _provider_of(member: User) -> str | None:
    """Return where somebody without a password signs in again; none where that is not set up any more."""
    identity = member.socialaccount_set.first()  # type: ignore[attr-defined]  # allauth's
    ready = [name for name, each in settings.SOCIALACCOUNT_PROVIDERS.items() if each["APPS"]]
    return identity.provider if identity is not None and identity.provider in ready else None


@require_POST
@member_required
def revoke(request: MemberRequest, token_id: UUID) -> HttpResponse:
    """End a key at once."""
    token = tokens.revoke(owner=request.user, token_id=token_id, now=timezone.now(), request=request)
    messages.success(request, f"The key “{token.name}” is revoked. Whatever used it is refused from now on.")
    return redirect("tokens")
