"""Who I am, where I am signed in, which keys I have, and what I may still ask."""

from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts import access, people, quotas, sessions, tokens
from accounts.api_envelope import Answer
from accounts.api_operations import Operation, Said
from accounts.api_parsing import StrictSerializer
from accounts.entry_models import SignedIn
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


class OwnChange(StrictSerializer):
    """What people may change about themselves."""

    name = serializers.CharField(max_length=200)


class Me(Operation):
    """Whoever asks."""

    needs = {"GET": Scope.READ, "PATCH": Scope.ACCOUNT}

    @extend_schema(tags=["auth"], responses=PersonShape)
    def get(self, _request: Request) -> Answer:
        """Say who the key or the session belongs to."""
        return self.answer(PersonShape(self.member))

    @extend_schema(tags=["auth"], request=OwnChange, responses=PersonShape)
    def patch(self, _request: Request) -> Answer:
        """Change how you are called; your address and your role are not yours to change."""
        people.rename(person=self.member, name=self.body(OwnChange)["name"], request=self.django_request)
        return self.answer(PersonShape(self.member))


class Logout(Operation):
    """The end of a session or of a key."""

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


class SessionShape(serializers.ModelSerializer[SignedIn]):
    """Where a person is signed in; times are exact to ten minutes."""

    is_this = serializers.SerializerMethodField(help_text="Whether this request came with it.")

    class Meta:
        model = SignedIn
        fields = ("id", "device", "address", "first_used_at", "last_used_at", "is_this")

    def get_is_this(self, session: SignedIn) -> bool:
        """Return whether it is the session of the request."""
        return bool(session.session_id == self.context["request"].session.session_key)


class SessionList(serializers.Serializer[Any]):
    """Sessions that live, the one used last first."""

    sessions = SessionShape(many=True)


class Sessions(Operation):
    """Where the member is signed in."""

    needs = {"GET": Scope.ACCOUNT, "DELETE": Scope.ACCOUNT}

    @extend_schema(tags=["auth"], responses=SessionList)
    def get(self, _request: Request) -> Answer:
        """List where you are signed in."""
        listed = sessions.sessions_of(self.member, now=timezone.now())
        return self.answer(SessionList({"sessions": listed}, context={"request": self.django_request}))

    @extend_schema(tags=["auth"], request=None, responses={200: Said})
    def delete(self, _request: Request) -> Answer:
        """Sign out everywhere but in the session of this request, and revoke every key: with a key, that one too."""
        ended = sessions.end_others(member=self.member, request=self.django_request, now=timezone.now())
        return Answer({"message": f"Sessions ended: {ended.sessions}. Keys revoked: {ended.keys}."})

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Keep none: whoever asks again with a key is nobody any more."""
        return False


class SessionById(Operation):
    """One place where the member is signed in."""

    needs = {"DELETE": Scope.ACCOUNT}

    @extend_schema(tags=["auth"], request=None, responses={200: Said})
    def delete(self, _request: Request, signed_in_id: UUID) -> Answer:
        """Sign out in one place."""
        sessions.end(
            member=self.member, signed_in_id=signed_in_id, request=self.django_request, now=timezone.now()
        )
        return Answer({"message": "Signed out there"})


class KeyShape(serializers.ModelSerializer[ApiToken]):
    """A key, without what it opens doors with."""

    is_this = serializers.SerializerMethodField(help_text="Whether this request came with it.")

    class Meta:
        model = ApiToken
        fields = ("id", "name", "hint", "scopes", "created_at", "expires_at", "last_used_at", "is_this")

    def get_is_this(self, key: ApiToken) -> bool:
        """Return whether it is the key of the request."""
        used = self.context["key"]
        return isinstance(used, ApiToken) and used.pk == key.pk


class KeyList(serializers.Serializer[Any]):
    """Keys that were not revoked, the newest first."""

    keys = KeyShape(many=True)


class Keys(Operation):
    """The keys of the member."""

    needs = {"GET": Scope.ACCOUNT}

    @extend_schema(tags=["auth"], responses=KeyList)
    def get(self, request: Request) -> Answer:
        """List your keys; new ones are made in the browser."""
        return self.answer(KeyList({"keys": access.own_tokens(self.member)}, context={"key": request.auth}))


class KeyById(Operation):
    """One key of the member."""

    needs = {"DELETE": Scope.ACCOUNT}

    @extend_schema(tags=["auth"], request=None, responses={200: Said})
    def delete(self, _request: Request, token_id: UUID) -> Answer:
        """Revoke a key: whatever uses it is refused from now on."""
        tokens.revoke(owner=self.member, token_id=token_id, now=timezone.now(), request=self.django_request)
        return Answer({"message": "Key revoked successfully"})


class QuotaShape(serializers.Serializer[Any]):
    """What is left of something that is counted."""

    kind = serializers.ChoiceField(choices=[each.value for each in quotas.Kind])
    limit = serializers.IntegerField()
    window_s = serializers.IntegerField(source="window", help_text="In how many seconds.")
    remaining = serializers.IntegerField()
    reset_s = serializers.IntegerField(help_text="Seconds until all of it is there again.")
    is_available = serializers.BooleanField(source="allowed", help_text="Whether one may be spent now.")
    retry_after_s = serializers.IntegerField(help_text="Seconds until one may be; 0 where that is now.")


class QuotaList(serializers.Serializer[Any]):
    """What is left of all that is counted."""

    quotas = QuotaShape(many=True)


class Quotas(Operation):
    """What the member may still ask."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["auth"], responses=QuotaList)
    def get(self, _request: Request) -> Answer:
        """Show what is left of your requests, questions to the AI and exports, without spending any but this request."""
        left = [quotas.peek(member=self.member, kind=kind) for kind in quotas.Kind]
        return self.answer(QuotaList({"quotas": left}))
