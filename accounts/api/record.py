"""For administrators: the record of sensitive acts, and whether it is whole."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts import chain, days, record, tasks
from accounts.api_envelope import Answer
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope


class RecordQuery(StrictSerializer):
    """What is looked for in the record."""

    who = serializers.CharField(
        max_length=200, required=False, help_text="Part of a name or an address, or “nobody”."
    )
    action = serializers.CharField(max_length=80, required=False)
    resource = serializers.CharField(
        max_length=120, required=False, help_text="A kind such as person, or a whole person:…"
    )
    since = serializers.DateField(required=False, validators=[days.within_reach])
    until = serializers.DateField(required=False, validators=[days.within_reach])
    before = serializers.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        required=False,
        help_text="Go on from here: `meta.next_before` of the page before.",
    )


class EventShape(serializers.Serializer[Any]):
    """One act on record."""

    sequence = serializers.IntegerField(source="event.sequence")
    at = serializers.DateTimeField(source="event.at")
    who = serializers.CharField()
    actor_id = serializers.UUIDField(source="event.actor_id", allow_null=True)
    action = serializers.CharField(source="event.action")
    resource = serializers.CharField(source="event.resource")
    resource_name = serializers.CharField(source="resource", help_text="The person's name where it is one.")
    reason = serializers.CharField(source="event.reason")
    address = serializers.CharField(source="event.address", allow_null=True)


class RecordShape(serializers.Serializer[Any]):
    """A page of the record, the newest first."""

    events = EventShape(many=True, source="lines")


class Record(Operation):
    """The record of sensitive acts."""

    needs = {"GET": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], parameters=[RecordQuery], responses=RecordShape)
    def get(self, _request: Request) -> Answer:
        """List what was done in the organization that is on record, the newest first."""
        wanted = dict(self.query(RecordQuery))
        before = wanted.pop("before", None)
        page = record.page(self.member, record.Wanted(**wanted), before=before)
        return self.answer(RecordShape(page), meta={"next_before": page.older})


class CheckShape(serializers.Serializer[Any]):
    """Whether every row of the record is as it was written."""

    is_waiting = serializers.BooleanField(help_text="Whether a check was asked for and is not done yet.")
    is_whole = serializers.BooleanField(allow_null=True, help_text="Null: it has not been checked yet.")
    broken_at = serializers.IntegerField(allow_null=True, help_text="The row that is not as it was written.")
    checked_at = serializers.DateTimeField(allow_null=True)


class RecordCheck(Operation):
    """Whether the record is whole."""

    needs = {"GET": Scope.ORGANIZATION, "POST": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], responses=CheckShape)
    def get(self, _request: Request) -> Answer:
        """Say what the last check of the record found."""
        return self._found(200)

    @extend_schema(tags=["admin"], request=None, responses={202: CheckShape})
    def post(self, _request: Request) -> Answer:
        """Have the record checked; ask for what was found until it no longer waits."""
        chain.ask(asked_by=self.member, now=timezone.now())
        tasks.nudge_chain()
        return self._found(202)

    def _found(self, status: int) -> Answer:
        check = chain.latest()
        values = {
            "is_waiting": chain.is_waiting(),
            "is_whole": None if check is None else check.broken_at is None,
            "broken_at": check and check.broken_at,
            "checked_at": check and check.done_at,
        }
        return self.answer(CheckShape(values), status=status)
