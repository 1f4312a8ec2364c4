"""What pages send, checked."""

from collections.abc import Sequence
from typing import Any

from django import forms
from typing_extensions import override

from conversations.models import Conversation, Feedback
from conversations.outward import LONGEST_LINK, Export
from conversations.queries import DELETED


class SayForm(forms.Form):
    """A message; `client_id` makes a second click harmless."""

    client_id = forms.UUIDField()
    text = forms.CharField(strip=False, required=False)


class ClientSayForm(SayForm):
    """A client's message, with what was decided about student data in it."""

    student_data = forms.CharField(max_length=12, required=False)
    original = forms.CharField(strip=False, required=False)


class SpeakForm(SayForm):
    """A coach's message, perhaps begun from the AI's draft."""

    draft = forms.CharField(strip=False, required=False)


class DraftForm(forms.Form):
    """What a coach has written already when they ask for a draft."""

    text = forms.CharField(strip=False, required=False)


class TitleForm(forms.Form):
    """Another title."""

    title = forms.CharField(max_length=200)


class VisibilityForm(forms.Form):
    """Who may read the conversation."""

    visibility = forms.ChoiceField(choices=Conversation.Visibility.choices)


class StatusForm(forms.Form):
    """Active or archived."""

    status = forms.ChoiceField(choices=Conversation.Status.choices)


class FeedbackForm(forms.Form):
    """A thumb, with reasons and a comment."""

    score = forms.TypedChoiceField(choices=[("1", "Helpful"), ("-1", "Not helpful"), ("0", "")], coerce=int)
    reasons = forms.MultipleChoiceField(choices=Feedback.Reason.choices, required=False)
    comment = forms.CharField(max_length=2000, required=False)


class ListForm(forms.Form):
    """How the list is narrowed down."""

    STATUSES = [*Conversation.Status.choices, (DELETED, "Recently deleted")]

    search = forms.CharField(max_length=200, required=False)
    status = forms.ChoiceField(choices=STATUSES, required=False)
    before = forms.DateTimeField(required=False)


class ShareForm(forms.Form):
    """What of a conversation is shared, and for how long; `key` makes a second click harmless."""

    first = forms.TypedChoiceField(label="From", coerce=int)
    last = forms.TypedChoiceField(label="Up to", coerce=int)
    days = forms.IntegerField(
        label="Days until the link expires", min_value=1, max_value=LONGEST_LINK.days, initial=7
    )
    with_names = forms.BooleanField(label="Show names", required=False)
    key = forms.UUIDField(required=False)

    def __init__(self, data: Any = None, *, messages: Sequence[tuple[int, str]]) -> None:
        initial = {"first": messages[0][0], "last": messages[-1][0]} if messages else {}
        super().__init__(data, initial=initial)
        for name in ("first", "last"):
            field = self.fields[name]
            if isinstance(field, forms.TypedChoiceField):
                field.choices = messages

    @override
    def clean(self) -> dict[str, Any]:
        """Refuse an end that comes before the beginning."""
        cleaned = self.cleaned_data
        if cleaned.get("first", 0) > cleaned.get("last", cleaned.get("first", 0)):
            self.add_error("last", "This message comes before the one chosen above.")
        return cleaned


class DiaryForm(forms.Form):
    """Which part of the access diary is shown."""

    conversation = forms.UUIDField(required=False)
    before = forms.IntegerField(min_value=1, required=False)


class FeedbackFilterForm(forms.Form):
    """Which feedback the queue shows."""

    OPEN = [("", "Open"), *Feedback.State.choices, ("all", "All")]
    SCORES = [("", "Any"), ("1", "Helpful"), ("-1", "Not helpful")]
    REASONS = [("", "Any"), *Feedback.Reason.choices]

    state = forms.ChoiceField(label="State", choices=OPEN, required=False)
    score = forms.ChoiceField(label="Rating", choices=SCORES, required=False)
    reason = forms.ChoiceField(label="Reason", choices=REASONS, required=False)
    before = forms.UUIDField(required=False)


class HandlingForm(forms.Form):
    """What became of feedback."""

    state = forms.ChoiceField(label="State", choices=Feedback.State.choices)
    note = forms.CharField(
        label="Note",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For whoever looks after feedback; the educator does not see it.",
    )


class ExportForm(forms.Form):
    """What is exported, and how it is written."""

    kind = forms.ChoiceField(label="What", choices=Export.Kind.choices, widget=forms.RadioSelect)
    file_format = forms.ChoiceField(
        label="As", choices=Export.Format.choices, widget=forms.RadioSelect, initial=Export.Format.CSV
    )

    def __init__(self, data: Any = None, *, offered: Sequence[Export.Kind]) -> None:
        super().__init__(data, initial={"kind": offered[0]})
        field = self.fields["kind"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(kind, kind.label) for kind in offered]
