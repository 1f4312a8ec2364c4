"""A fake Clever: Basic auth at the token endpoint, a record of the person behind `/me` and `/users`."""

import base64
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from accounts.tests.fake_provider import CLIENT_ID, CLIENT_SECRET, Answer, Asked, FakeProvider, as_json

PERSON = "58da8c63da0f9d0200000001"
DISTRICT = "58da8a43cc70ab00017a1a87"


@dataclass
class FakeClever(FakeProvider):
    """Clever with one person, a teacher of the district of Riverside School."""

    called = "clever"
    me: dict[str, Any] = field(
        default_factory=lambda: {"type": "user", "data": {"id": PERSON, "district": DISTRICT}}
    )
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "id": PERSON,
            "district": DISTRICT,
            "email": "tom@riverside.example",
            "name": {"first": "Tom", "last": "Weir"},
            "roles": {"teacher": {"legacy_id": "58da8c63da0f9d0200000002"}},
        }
    )

    @property
    @override
    def places(self) -> dict[str, Any]:
        return {**super().places, "ME_URL": f"{self.url}/v3.0/me", "USERS_URL": f"{self.url}/v3.0/users"}

    @override
    def knows_client(self, asked: Asked) -> bool:
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        in_body = {"client_id", "client_secret"} & asked.values.keys()
        return asked.headers.get("Authorization") == f"Basic {basic}" and not in_body

    @override
    def token(self, departed: dict[str, str]) -> dict[str, Any]:
        return {"access_token": "il3f0b1c", "token_type": "bearer"}

    @override
    def about(self, asked: Asked) -> Answer:
        if asked.headers.get("Authorization") != "Bearer il3f0b1c":
            return as_json({"error": "unauthorized"}, status=401)
        if asked.path == "/v3.0/me":
            return as_json(self.me)
        if asked.path == f"/v3.0/users/{self.person.get('id', PERSON)}":
            return as_json({"data": self.person})
        return as_json({"error": "not found"}, status=404)
