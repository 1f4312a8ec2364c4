"""What every operation of the API does alike: who may, what is read, how it is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override

from accounts import quotas
from accounts.api_authentication import BrowserAuthentication, MayDo, TokenAuthentication
from accounts.api_envelope import Answer
from accounts.api_errors import Problem
from accounts.api_replay import replayable
from accounts.models import User
from accounts.roles import Role
from accounts.scopes import Scope

Read = TypeVar("Read", bound="serializers.Serializer[Any]")

UNSAFE = ("post", "put", "patch", "delete")


class Operation(APIView):
    """One address of the API. Its unsafe methods may be sent again under an `Idempotency-Key`."""

    needs: ClassVar[Mapping[str, Scope]] = {}
    """By method, the part of the API that a key must open."""

    only_for: ClassVar[Role] = Role.EDUCATOR
    """Whose page does the same; to members of a lower role the address does not exist."""

    about: UUID | None = None
    """What the reply tells of, and must not outlive: a conversation, by its address or as the operation says."""

    tells_of_others: ClassVar[bool] = False
    """Whether replies have words about other people: kept are then `about` and the status, and `tell_again` answers."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (TokenAuthentication, BrowserAuthentication)
    permission_classes: Sequence[type[BasePermission]] = (MayDo,)

    @override
    def __init_subclass__(cls, **options: Any) -> None:
        """Wrap the unsafe methods of an operation."""
        super().__init_subclass__(**options)
        for method in UNSAFE:
            if method in vars(cls):
                setattr(cls, method, replayable(vars(cls)[method]))

    @override
    def check_throttles(self, request: Request) -> None:
        """Count the request against what its sender may send; the answer says what is left.

        Raises:
            Problem: it is one too many; the headers say when to come again.
        """
        verdict = quotas.take(member=self.member, kind=quotas.Kind.REQUESTS)
        if not verdict.allowed and not self.never_refuses(request):
            raise Problem(429, headers=quotas.headers(verdict))
        self.headers.update(quotas.headers(replace(verdict, allowed=True)))

    def never_refuses(self, _request: Request) -> bool:
        """Whether the request is counted, but never one too many; `QUOTAS_NEVER_REFUSE` lists by method which are."""
        return quotas.never_refuses(self.django_request)

    @property
    def member(self) -> User:
        """Whoever asks; the permission has made sure that it is a member of an organization."""
        return cast("User", self.request.user)

    @property
    def django_request(self) -> HttpRequest:
        """The request as Django's own verbs know it."""
        return self.request._request  # noqa: SLF001 -- the framework has no other name for it

    def saves_reply(self, _request: Request) -> bool:
        """Whether the reply to a request can be kept for the same request again."""
        return True

    def tell_again(self, about: UUID) -> Answer:
        """Answer a repeated request from what there is now.

        Raises:
            NotVisible: what the first reply told of is gone, or open to the member no longer.
        """
        raise NotImplementedError

    def body(self, kind: type[Read]) -> Mapping[str, Any]:
        """Return the checked values of the body.

        Raises:
            ValidationError: one of them is wrong, missing or unknown.
        """
        return _checked(kind, self.request.data)

    def query(self, kind: type[Read]) -> Mapping[str, Any]:
        """Return the checked values of the query.

        Raises:
            ValidationError: one of them is wrong, missing or unknown.
        """
        return _checked(kind, self.request.query_params.dict())

    def answer(
        self,
        shape: "serializers.BaseSerializer[Any]",
        *,
        status: int = 200,
        meta: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Return the values of a shape as the answer."""
        return Answer(shape.data, status=status, meta=meta)

    @override
    def finalize_response(  # type: ignore[override]  # a stream is a response too
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Tell browsers and proxies to keep no copy."""
        ready: Any = response
        for name in response.headers:
            # What a refusal says of another quota stands before what is left of requests.
            self.headers.pop(name, None)
        final = super().finalize_response(request, ready, *args, **kwargs)
        final["Cache-Control"] = "private, no-store"
        return final


def _checked(kind: type[Read], data: Any) -> Mapping[str, Any]:
    shape = kind(data=data)
    shape.is_valid(raise_exception=True)
    return cast("Mapping[str, Any]", shape.validated_data)


class Said(serializers.Serializer[Any]):
    """A sentence about what was done."""

    message = serializers.CharField()
