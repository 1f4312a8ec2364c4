"""A client that knows nothing but the OpenAPI description tries everything: no answer is a fault, each is as described."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts import invitations
from accounts.tests.api_caller import key_of
from accounts.tests.cast import House, build_cast
from config.api_pages import description
from config.tests.stack import Stack
from conversations import exports, exports_work, giving_feedback, sharing
from conversations.models import Message
from conversations.tests.factories import begin, say
from knowledge.tests.shelf import put

pytestmark = pytest.mark.processes

CASES = 6
"""For each operation and each of the two kinds of requests, those that fit the description and those that do not."""
LEFT_OUT = {"post_logout", "delete_sessions"}
"""They would end the key with which everything else is tried."""

limited = hypothesis.settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def known_ids(house: House) -> dict[str, str]:
    """Return ids of things that are there, by the name of the parameter."""
    conversation = begin(house.admin)
    say(house.admin, conversation, "How do we begin?")
    message = Message.objects.filter(conversation=conversation, sender_type="ai").get()
    (passage,) = put(house.organization, "A team begins well with one question.")
    link = sharing.make(member=house.admin, conversation_id=conversation.pk, now=timezone.now()).link
    feedback = giving_feedback.give(member=house.admin, message_id=message.pk, score=1, reasons=[])
    domain = house.organization.domains.create(domain="riverside.example")
    invitation = invitations.invite(
        actor=house.admin,
        organization=house.organization,
        email="new@riverside.example",
        role="educator",
        team=None,
        now=timezone.now(),
    )
    export = exports.ask(member=house.admin, wanted=exports.Wanted("own", "csv"), now=timezone.now())
    exports_work.make(export_id=export.pk)
    return {
        "conversation_id": str(conversation.pk),
        "message_id": str(message.pk),
        "link_id": str(link.pk),
        "export_id": str(export.pk),
        "name": "messages.csv",
        "feedback_id": str(feedback.pk),
        "invitation_id": str(invitation.pk),
        "domain_id": str(domain.pk),
        "team_id": str(house.team.pk),
        "version_id": str(passage.version_id),
        "document_id": str(passage.version.document_id),
        "person_id": str(house.other_coach.pk),
    }


def operations() -> Iterator[Any]:
    """Yield the operations of the description."""
    for found in schemathesis.openapi.from_dict(description()).get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # an error would have no such method
        if operation.definition.raw["operationId"] not in LEFT_OUT:
            yield operation


class Attempts:
    """Sends cases and notes what they were answered."""

    def __init__(self, stack: Stack, key: str, ids: Mapping[str, str]) -> None:
        self.stack = stack
        self.headers = {"Authorization": f"Bearer {key}"}
        self.ids = ids
        self.answered: Counter[int] = Counter()
        self.faults: list[str] = []

    def try_operation(self, operation: Any, mode: GenerationMode) -> None:
        """Send the cases of one operation; every second one asks for something that is there."""

        @limited
        @given(case=operation.as_strategy(generation_mode=mode))
        def attempt(case: Any) -> None:
            if sum(self.answered.values()) % 2:
                case.path_parameters |= {n: v for n, v in self.ids.items() if n in case.path_parameters}
            response = case.call(base_url=self.stack.url, headers=self.headers, timeout=60)
            self.answered[response.status_code] += 1
            if response.status_code >= 500:
                self.faults.append(f"{response.status_code} {case.as_curl_command()}")
            if response.status_code == 400 and not response.content:
                return  # The web server itself refuses a form that it cannot read, before the application.
            case.validate_response(
                response,
                checks=(content_type_conformance, response_schema_conformance, status_code_conformance),
            )

        attempt()


def test_whatever_is_sent_no_answer_is_a_fault(live_stack: Stack) -> None:
    house = build_cast().home
    attempts = Attempts(live_stack, key_of(house.admin), known_ids(house))
    for operation in operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            attempts.try_operation(operation, mode)
    assert attempts.faults == []
    assert {200, 201, 400, 404} <= set(attempts.answered)
