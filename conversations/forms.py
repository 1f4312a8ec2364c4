"""What pages send, checked."""

from django import forms

from conversations.models import Conversation, Feedback


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

    search = forms.CharField(max_length=200, required=False)
    status = forms.ChoiceField(choices=Conversation.Status.choices, required=False)
    before = forms.DateTimeField(required=False)
