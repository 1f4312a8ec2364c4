"""Who I am, and the end of a session or a key."""

from allauth.account.adapter import get_adapter
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts import tokens
from accounts.api_envelope import Answer
from accounts.api_operations import Operation, Said
from accounts.models import ApiToken, Organization, User
from accounts.scopes import Scope


class OrganizationShape(serializers.ModelSerializer[Organization]):
    """An organization, as its members see it."""

    class Meta:
        model = Organization
        fields = ("id", "name")


class PersonShape(serializers.ModelSerializer[User]):
    """A person."""

    organization = OrganizationShape()
    last_login = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = User
        fields: tuple[str, ...] = ("id", "email", "name", "role", "organization", "created_at", "last_login")


class Me(Operation):
    """Whoever asks."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["auth"], responses=PersonShape)
    def get(self, _request: Request) -> Answer:
        """Say who the key or the session belongs to."""
        return self.answer(PersonShape(self.member))


class Logout(Operation):
    """The end of a session or of a key."""

    never_refused = True

    @extend_schema(tags=["auth"], request=None, responses=Said)
    def post(self, request: Request) -> Answer:
        """End the session that was used, or revoke the key."""
        if isinstance(request.auth, ApiToken):
            tokens.revoke(
                owner=self.member, token_id=request.auth.pk, now=timezone.now(), request=self.django_request
            )
        else:
            get_adapter().logout(self.django_request)
        return Answer({"message": "Logged out successfully"})

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Keep none: whoever asks again is nobody any more."""
        return False
