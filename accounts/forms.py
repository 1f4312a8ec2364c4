"""What people may enter about themselves, their colleagues and their organization."""

from typing import Any, ClassVar, cast

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from typing_extensions import override

from accounts import days, people, record
from accounts.entry_models import Invitation
from accounts.models import Organization, Team, User
from accounts.roles import Role


class SettingsForm(forms.Form):
    """A person's own name, and the look of the pages in this browser."""

    THEMES: ClassVar = [("system", "As my device"), ("light", "Light"), ("dark", "Dark")]

    name = forms.CharField(
        max_length=200, label="Your name", widget=forms.TextInput({"autocomplete": "name"})
    )
    theme = forms.ChoiceField(choices=THEMES, label="Appearance", widget=forms.RadioSelect)


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A person as the administrator sees them."""

    class Meta:
        model = User
        fields = ("name", "email", "role", "is_active")
        labels: ClassVar = {"is_active": "May sign in"}
        help_texts: ClassVar = {
            "email": "The person signs in with this address. It cannot be changed after the first sign-in.",
            "is_active": "Without it the person is signed out at once, everywhere, and their API keys are "
            "revoked. Neither comes back when they may sign in again.",
        }

    @override
    def clean(self) -> dict[str, Any] | None:
        """Refuse to take away the last administrator, before the database does."""
        cleaned = super().clean() or self.cleaned_data
        before = User.objects.filter(pk=self.instance.pk).first()
        stays = cleaned.get("role", "admin") == "admin" and cleaned.get("is_active", True)
        if before is not None and not stays and people.is_last_administrator(before):
            raise forms.ValidationError(
                "An organization needs one active administrator. Name another one first."
            )
        return cleaned


LIMITS = (
    "monthly_message_limit",
    "requests_per_hour",
    "ai_turns_per_hour",
    "exports_per_day",
    "daily_budget_usd",
)
"""What staff agree with an organization; its administrators see it."""


class KeptDays(forms.IntegerField):
    """For how many days something is kept; left empty, it stays as it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "required": False})

    @override
    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether another number was entered."""
        return data not in self.empty_values and super().has_changed(initial, data)


KEPT = ("keep_archived_days", "keep_deleted_days", "keep_events_days")


class OrganizationForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """What an organization sets for itself."""

    class Meta:
        model = Organization
        fields = (
            "name",
            "kind",
            "tier",
            "help_lines",
            "response_minutes",
            "idle_minutes",
            "links_accounts",
            "allows_share_links",
            "clever_district_id",
            *LIMITS,
            *KEPT,
        )
        field_classes: ClassVar = dict.fromkeys(KEPT, KeptDays)
        help_texts: ClassVar = {
            "tier": "Says how many seats and messages there are. Whoever runs Sideline sets it, and the limits below: "
            "ask them for more.",
            "clever_district_id": "The id of the district, whose people may then sign in with Clever where that is "
            "set up. Whoever runs Sideline sets it, because the id is all that it takes to claim a district.",
        }

    @override
    def clean(self) -> dict[str, Any] | None:
        """Leave as it is what was left empty."""
        cleaned = super().clean() or self.cleaned_data
        empty = {name: getattr(self.instance, name) for name in KEPT if cleaned.get(name, 0) is None}
        return {**cleaned, **empty}

    def clean_help_lines(self) -> list[dict[str, str]]:
        """Return the help lines, each with a name, a contact and perhaps hours."""
        lines = self.cleaned_data["help_lines"]
        if not isinstance(lines, list) or not all(_is_help_line(line) for line in lines):
            raise forms.ValidationError('Write a list such as [{"name": "…", "contact": "…", "hours": "…"}].')
        return lines


def _is_help_line(line: object) -> bool:
    """Whether this is a help line that can be shown."""
    if not isinstance(line, dict) or not {"name", "contact"} <= line.keys() <= {"name", "contact", "hours"}:
        return False
    return all(isinstance(text, str) and text.strip() for text in line.values())


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A team's name and its coach."""

    class Meta:
        model = Team
        fields = ("name", "coach")


class InvitationForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Whom an administrator invites, and as what."""

    class Meta:
        model = Invitation
        fields = ("organization", "email", "role", "team")
        help_texts: ClassVar = {
            "email": "The link goes to this address, and the account is for it.",
            "team": "Whose coach they will have. Only for educators; it can be chosen later.",
        }

    @override
    def clean(self) -> dict[str, Any] | None:
        """Refuse a team for somebody who is not coached."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("team") and cleaned.get("role") != Role.EDUCATOR:
            self.add_error("team", "Only educators are members of a team. Leave this empty.")
        return cleaned

    @override
    def validate_constraints(self) -> None:
        """Leave the rules to the use case, which says what to do about each."""


class JoinForm(forms.Form):
    """How an invited person wants to be called, and with which password they will sign in."""

    name = forms.CharField(
        max_length=200, label="Your name", widget=forms.TextInput({"autocomplete": "name"})
    )
    password1 = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text=password_validators_help_text_html,
    )
    password2 = forms.CharField(
        label="Password (again)", strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        if not settings.PASSWORD_SIGN_IN:
            del self.fields["password1"], self.fields["password2"]

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse two passwords that differ, and one that is easily guessed."""
        cleaned = super().clean() or self.cleaned_data
        first, second = cleaned.get("password1"), cleaned.get("password2")
        if first and second and first != second:
            self.add_error("password2", "The two passwords are not the same.")
        elif first:
            try:
                validate_password(first, User(email=self.email, name=cleaned.get("name", "")))
            except forms.ValidationError as weak:
                self.add_error("password1", weak)
        return cleaned


class RecordForm(forms.Form):
    """What somebody looks for in the record."""

    who = forms.CharField(
        label="Who",
        required=False,
        max_length=200,
        help_text="Part of a name or an email address, or “nobody”.",
    )
    action = forms.ChoiceField(label="Did what", required=False)
    resource = forms.CharField(
        label="To what",
        required=False,
        max_length=120,
        help_text="A kind such as person, or a whole person:…",
    )
    since = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput({"type": "date"}),
        validators=[days.within_reach],
    )
    until = forms.DateField(
        label="To", required=False, widget=forms.DateInput({"type": "date"}), validators=[days.within_reach]
    )

    def __init__(self, *args: Any, actions: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "Anything"), *((action, record.in_words(action)) for action in actions)]
        cast("forms.ChoiceField", self.fields["action"]).choices = choices

    def wanted(self) -> record.Wanted:
        """Return what is looked for; a field that makes no sense is shown with its error and left out."""
        if not self.is_bound:
            return record.Wanted()
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        return record.Wanted(**given)
