"""For administrators: who the people are, what they may do, and how they come in."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from typing_extensions import override

from accounts import access, people, seats
from accounts.api.own import PersonShape
from accounts.api_authentication import by_program, granted, refuse_making_administrators
from accounts.api_envelope import Answer
from accounts.api_errors import Problem, conflict
from accounts.api_operations import Operation, Said
from accounts.api_paging import PageQuery, PageShape, page_of, split
from accounts.api_parsing import StrictSerializer
from accounts.models import User
from accounts.roles import Role
from accounts.scopes import Scope


class PersonRow(PersonShape):
    """A person as administrators see them."""

    class Meta(PersonShape.Meta):
        fields = (*PersonShape.Meta.fields, "is_active")


class PeopleQuery(PageQuery):
    """Which people are wanted."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)
    organization_id = serializers.UUIDField(
        required=False, help_text="Only your own organization has people for you."
    )


class NewPerson(StrictSerializer):
    """Somebody who is added to the organization."""

    name = serializers.CharField(max_length=200)
    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.EDUCATOR)


def refusal_of(refused: Exception) -> Problem:
    """Return why a person cannot be as was wanted."""
    if isinstance(refused, people.LastAdministrator):
        message = "An organization needs one active administrator. Name another one first."
        return conflict("last_administrator", message)
    if isinstance(refused, people.AddressTaken):
        return conflict("address_taken", "Somebody has an account with this address.")
    return conflict("no_seat_left", str(refused))


class PeopleShape(PageShape):
    """A page of people."""

    users = PersonRow(many=True, source="rows")


class People(Operation):
    """The people of the organization."""

    needs = {"GET": Scope.ADMIN, "POST": Scope.ORGANIZATION}
    tells_of_others = True

    @extend_schema(tags=["admin"], parameters=[PeopleQuery], responses=PeopleShape)
    def get(self, _request: Request) -> Answer:
        """List the people of the organization, the newest first."""
        page, wanted = split(self.query(PeopleQuery))
        found = access.visible_people(self.member).filter(**wanted).select_related("organization")
        listed = page_of(found, by="created_at", **page)
        return self.answer(PeopleShape(listed), meta=listed.meta)

    @extend_schema(tags=["admin"], request=NewPerson, responses={201: PersonRow})
    def post(self, request: Request) -> Answer:
        """Add a person, and mail them a link to choose a password where passwords open something.

        Administrators are added in the browser alone. `meta.is_link_sent` says whether there was one to send; without it they sign in with Google or Clever.
        """
        wanted = self.body(NewPerson)
        if wanted["role"] == Role.ADMIN:
            refuse_making_administrators(request)
        person = User(**wanted, organization=access.organization_of(self.member))
        try:
            people.add_person(actor=self.member, person=person, request=self.django_request)
        except (people.AddressTaken, seats.NoSeatLeft) as refused:
            raise refusal_of(refused) from None
        sent = people.send_password_link(actor=self.member, person=person, request=self.django_request)
        self.about = person.pk
        return self.answer(PersonRow(person), status=201, meta={"is_link_sent": sent})

    @override
    def tell_again(self, about: UUID) -> Answer:
        """Show the person who was added, as they are now; whether a link was sent is told once."""
        return self.answer(PersonRow(access.visible_member(self.member, about)))


class PersonChange(StrictSerializer):
    """What an administrator may change about a person."""

    name = serializers.CharField(max_length=200, required=False)
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class ChangedPerson(serializers.Serializer[Any]):
    """A person after the change."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.ChoiceField(choices=Role.choices)
    is_active = serializers.BooleanField()
    updated_at = serializers.DateTimeField()


class Person(Operation):
    """One person of the organization."""

    needs = {"PATCH": Scope.ADMIN}
    tells_of_others = True

    @extend_schema(tags=["admin"], request=PersonChange, responses=ChangedPerson)
    def patch(self, request: Request, person_id: UUID) -> Answer:
        """Change a person's role, whether they may sign in, or their name (for which a key needs `organization`).

        It is on record, and the last administrator stays. A key makes nobody an administrator and lets none in again.
        """
        changes = self.body(PersonChange)
        if "name" in changes and Scope.ORGANIZATION not in granted(request):
            raise PermissionDenied
        person = access.visible_member(self.member, person_id)
        changed = [field for field, value in changes.items() if getattr(person, field) != value]
        for field in changed:
            setattr(person, field, changes[field])
        try:
            people.change_person(
                actor=self.member,
                person=person,
                changed=changed,
                by_program=by_program(request),
                request=self.django_request,
            )
        except people.OnlyInBrowser:
            refuse_making_administrators(request)
        except (people.LastAdministrator, seats.NoSeatLeft) as refused:
            raise refusal_of(refused) from None
        self.about = person.pk
        return self._shown(person)

    @override
    def tell_again(self, about: UUID) -> Answer:
        """Show the person as they are now."""
        return self._shown(access.visible_member(self.member, about))

    def _shown(self, person: User) -> Answer:
        values = {field: getattr(person, field) for field in ("id", "name", "role", "is_active")}
        return self.answer(ChangedPerson({**values, "updated_at": timezone.now()}))


class PersonPasswordLink(Operation):
    """A link with which somebody chooses a password."""

    needs = {"POST": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], request=None, responses=Said)
    def post(self, request: Request, person_id: UUID) -> Answer:
        """Mail a person a link to choose a password; 409 `no_link` where none opens their account.

        An administrator is mailed one from the browser alone.
        """
        person = access.visible_member(self.member, person_id)
        if person.role == Role.ADMIN:
            refuse_making_administrators(request)
        if not people.send_password_link(actor=self.member, person=person, request=self.django_request):
            message = "No link was sent: they have no address, or sign in with Google or Clever."
            raise conflict("no_link", message)
        return Answer({"message": "Link sent"})
