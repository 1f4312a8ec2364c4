"""What people may enter about themselves, their colleagues and their organization."""

from typing import Any, ClassVar

from django import forms
from typing_extensions import override

from accounts import people
from accounts.models import Organization, Team, User


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
            "is_active": "Without it the person is signed out at once, everywhere.",
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
            *("name", "kind", "tier", "help_lines", "response_minutes", "idle_minutes"),
            *KEPT,
        )
        field_classes: ClassVar = dict.fromkeys(KEPT, KeptDays)

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
