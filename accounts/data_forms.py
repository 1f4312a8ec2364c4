"""What somebody must enter before their data is handed out or erased."""

from typing import Any

from allauth.core import ratelimit
from django import forms
from django.http import HttpRequest
from typing_extensions import override

from accounts.models import User


class PasswordAgainForm(forms.Form):
    """The password once more, from whoever has one: an open session alone is not enough."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, person: User, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._person = person
        self._request = request
        if not person.uses_password:
            del self.fields["password"]

    def clean_password(self) -> str:
        """Return the password if it is the person's.

        Raises:
            ValidationError: it is another one, or there were too many attempts.
        """
        password: str = self.cleaned_data["password"]
        if not ratelimit.consume(self._request, action="reauthenticate", user=self._person):
            raise forms.ValidationError("Too many attempts. Wait a minute, then try again.")
        if not self._person.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password


class EraseForm(PasswordAgainForm):
    """The address of the account, or its name where it has none, typed out, and the password."""

    email = forms.CharField(
        label="Type the email address of the account", widget=forms.TextInput({"autocomplete": "off"})
    )
    field_order = ("email", "password")

    @override
    def __init__(self, *args: Any, account: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._expected = account.email or account.name
        if not account.email:
            self.fields["email"].label = "Type the name of the account"

    def clean_email(self) -> str:
        """Return the address if it is the account's.

        Raises:
            ValidationError: it is another one.
        """
        email: str = self.cleaned_data["email"]
        if email.strip().lower() != self._expected.lower():
            raise forms.ValidationError("This is not what the account is known by.")
        return email
