"""What Sideline changes in django-allauth: nobody signs up by themselves, and each sign-in is on record."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from typing_extensions import override

from accounts import addresses, audit, data_requests, people, tokens
from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Sessions of people who came by a password or from a provider."""

    @override
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return no: administrators add people."""
        return False

    @override
    @transaction.atomic
    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in under a new session id, and record it, with the second factor if there was one."""
        methods = {each["method"] for each in get_authentication_records(request, user)}
        super().login(request, user)
        reason = "with a second factor" if "mfa" in methods else ""
        audit.record(
            actor=user, action="signed_in", resource=audit.person(user), reason=reason, request=request
        )
        erasure = data_requests.open_erasure(user)
        if erasure is not None:
            text = f"Your account will be erased on {erasure.due_at:%d %B %Y}. See Settings, Your data."
            messages.warning(request, text, fail_silently=True)

    @override
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead somebody who is about to be erased to where that can be taken back."""
        user = request.user
        if isinstance(user, User) and data_requests.open_erasure(user) is not None:
            return reverse("your_data")
        url: str = super().get_login_redirect_url(request)
        return url

    @override
    @transaction.atomic
    def logout(self, request: HttpRequest) -> None:
        """Sign out, forget the session, and record it."""
        user = request.user
        if isinstance(user, User):
            audit.record(actor=user, action="signed_out", resource=audit.person(user), request=request)
        super().logout(request)

    @override
    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Record that somebody failed to sign in: as whom, if there is such a person, and no credentials."""
        user = User.objects.filter(email__iexact=credentials.get("email", "")).first()
        audit.record(
            actor=None,
            action="sign_in_failed",
            resource=audit.person(user),
            request=request,
            organization_id=user.organization_id if user else None,
        )

    @override
    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Refuse somebody who knows the password of a deactivated account, and record it."""
        audit.record(
            actor=user,
            action="sign_in_refused",
            resource=audit.person(user),
            reason="deactivated",
            request=request,
        )
        response: HttpResponse = super().respond_user_inactive(request, user)
        return response

    @override
    @transaction.atomic
    def set_password(self, user: User, password: str) -> None:
        """Set the password, end the keys that somebody may have made with the old one, and record it."""
        user.set_password(password)
        user.save(update_fields=["password"])
        tokens.revoke_all(owner=user, reason="password changed", now=timezone.now(), request=self.request)
        audit.record(actor=user, action="password_changed", resource=audit.person(user), request=self.request)

    @override
    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Have the link sent to whom a password is for: by the outbox, whoever asks waits for no mail server."""
        if people.may_choose_password(user):
            people.mail_password_link(user, now=timezone.now())

    @override
    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address by which limits on signing in count."""
        return addresses.counted(request)

    @override
    def is_safe_url(self, url: str) -> bool:
        """Return whether somebody may be sent there: only to a page of the host that was asked."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts={self.request.get_host()})
