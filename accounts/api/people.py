"""For administrators: who the people are and what they may do."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts import access, people, seats
from accounts.api.own import PersonShape
from accounts.api_envelope import Answer
from accounts.api_errors import conflict
from accounts.api_operations import Operation
from accounts.api_pages import PageQuery, PageShape, page_of, split
from accounts.api_parsing import StrictSerializer
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


class PeopleShape(PageShape):
    """A page of people."""

    users = PersonRow(many=True, source="rows")


class People(Operation):
    """The people of the organization."""

    needs = {"GET": Scope.ADMIN}

    @extend_schema(tags=["admin"], parameters=[PeopleQuery], responses=PeopleShape)
    def get(self, _request: Request) -> Answer:
        """List the people of the organization, the newest first."""
        page, wanted = split(self.query(PeopleQuery))
        found = access.visible_people(self.member).filter(**wanted).select_related("organization")
        listed = page_of(found, by="created_at", **page)
        return self.answer(PeopleShape(listed), meta=listed.meta)


class PersonChange(StrictSerializer):
    """What an administrator may change about a person."""

    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class ChangedPerson(serializers.Serializer[Any]):
    """A person after the change."""

    id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices)
    is_active = serializers.BooleanField()
    updated_at = serializers.DateTimeField()


class Person(Operation):
    """One person of the organization."""

    needs = {"PATCH": Scope.ADMIN}

    @extend_schema(tags=["admin"], request=PersonChange, responses=ChangedPerson)
    def patch(self, _request: Request, person_id: UUID) -> Answer:
        """Change a person's role, or whether they may sign in; on record, and the last administrator stays."""
        changes = self.body(PersonChange)
        person = access.visible_member(self.member, person_id)
        changed = [field for field, value in changes.items() if getattr(person, field) != value]
        for field in changed:
            setattr(person, field, changes[field])
        try:
            people.change_person(
                actor=self.member, person=person, changed=changed, request=self.django_request
            )
        except people.LastAdministrator:
            message = "An organization needs one active administrator. Name another one first."
            raise conflict("last_administrator", message) from None
        except seats.NoSeatLeft as full:
            raise conflict("no_seat_left", str(full)) from None
        values = {field: getattr(person, field) for field in ("id", "role", "is_active")}
        return self.answer(ChangedPerson({**values, "updated_at": timezone.now()}))
