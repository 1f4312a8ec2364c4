"""A second factor for people with a password: codes of an app, and recovery codes for when the phone is gone.

django-allauth keeps and checks them. Here their secrets are sealed before they reach the database, and every
change and every refused code is on record. People who come from a provider have their second factor there.
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from typing_extensions import override

from accounts import audit
from accounts.access import NotVisible, administers
from accounts.models import User

NONCE_BYTES = 12
PURPOSE = b"second factor"
RIGHT_FOR_SECONDS = 30 * (2 * settings.MFA_TOTP_TOLERANCE + 1)
"""How long a code is right. django-allauth notes a used one for half a minute only, and would take it again."""


class SecretLost(Exception):
    """No key of this installation opens a sealed secret: it was sealed under another SECRET_KEY."""


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Keeps secrets sealed: who reads the database alone can make no codes."""

    @override
    def get_totp_issuer(self) -> str:
        """Return under which name the app lists the account."""
        return str(settings.SITE_NAME)

    @override
    def encrypt(self, text: str) -> str:
        """Seal a secret with the installation's key."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(next(_keys())).encrypt(nonce, text.encode(), PURPOSE)
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    @override
    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret, sealed with this key or with one that it replaced.

        Raises:
            SecretLost: none of them fits.
        """
        sealed = base64.urlsafe_b64decode(encrypted_text)
        for key in _keys():
            try:
                return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], PURPOSE).decode()
            except InvalidTag:
                continue
        raise SecretLost


def _keys() -> Iterator[bytes]:
    """Yield the key made of each secret of the installation, the present one first."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield hashlib.sha256(PURPOSE + b":" + str(secret).encode()).digest()


class CodeForm(AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """The code that completes a sign-in; a wrong one is on record."""

    @override
    def clean_code(self) -> str:
        """Return the code if it is right."""
        return _checked(self.user, super().clean_code)


class ConfirmingCodeForm(ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """The code that confirms who is there; a wrong one is on record."""

    @override
    def clean_code(self) -> str:
        """Return the code if it is right."""
        return _checked(self.user, super().clean_code)


def _checked(user: User, check: Callable[[], str]) -> str:
    """Return a right code the first time; record one that is refused, also when it came too soon after others."""
    try:
        code = check()
        if not cache.add(_used(user, code), True, timeout=RIGHT_FOR_SECONDS):
            raise get_adapter().validation_error("incorrect_code")
    except ValidationError:
        record(user, "second_factor_failed", context.request)
        raise
    return code


def _used(user: User, code: str) -> str:
    """Return under which key it is noted that a code was used, which is no secret by itself."""
    return f"second-factor:{hashlib.sha256(f'{user.pk}:{code}'.encode()).hexdigest()}"


@transaction.atomic
def turn_off_for(*, actor: User, person: User, request: HttpRequest | None = None) -> bool:
    """Turn off the second factor of somebody who lost it, record it, and return whether there was one.

    The password stays theirs: whoever does this cannot sign in as the person.

    Raises:
        NotVisible: the actor does not administer the person's organization.
    """
    if not administers(actor, person.organization_id):
        raise NotVisible
    gone = bool(Authenticator.objects.filter(user=person).delete()[0])
    if gone:
        audit.record(
            actor=actor,
            action="second_factor_turned_off",
            resource=audit.person(person),
            reason="by an administrator",
            request=request,
            organization_id=person.organization_id,
        )
    return gone


def record(user: User, action: str, request: HttpRequest) -> None:
    """Record what somebody did with their own second factor."""
    audit.record(actor=user, action=action, resource=audit.person(user), request=request)
