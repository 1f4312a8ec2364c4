"""A fake Google: it signs identity tokens, honest ones unless a test bends them."""

import json
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from typing_extensions import override

from accounts.tests.fake_provider import CLIENT_ID, CLIENT_SECRET, Answer, Asked, FakeProvider, as_json

KID = "the key of today"


@cache
def signing_key(name: str = KID) -> rsa.RSAPrivateKey:
    """Return a key; making one takes a moment, so each is made once."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class FakeGoogle(FakeProvider):
    """Google with one account, Ines of Riverside School."""

    called = "google"
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "100000000000000000007",
            "email": "ines@riverside.example",
            "email_verified": True,
            "hd": "riverside.example",
            "name": "Ines Park",
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    """What the token states otherwise than it should; None leaves a claim out."""
    algorithm: str | None = "RS256"
    key: Any = None
    """Signs the tokens; the published key when there is none."""
    kid: str = KID

    @override
    def __enter__(self) -> Self:
        signing_key()  # Now: threads that wanted the first one together would each make their own.
        return super().__enter__()

    @property
    @override
    def places(self) -> dict[str, Any]:
        return {**super().places, "KEYS_URL": f"{self.url}/keys", "ISSUER": self.url}

    @override
    def knows_client(self, asked: Asked) -> bool:
        return (asked.values.get("client_id"), asked.values.get("client_secret")) == (
            CLIENT_ID,
            CLIENT_SECRET,
        )

    @override
    def token(self, departed: dict[str, str]) -> dict[str, Any]:
        now = int(time.time())
        honest = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 3600, **self.person}
        claims = {**honest, "nonce": departed.get("nonce"), **self.claims}
        stated = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(
            stated,
            self.key if self.key is not None else signing_key(),
            algorithm=self.algorithm,
            headers={"kid": self.kid},
        )
        return {"access_token": "opens-nothing-here", "token_type": "Bearer", "id_token": token}

    @override
    def about(self, asked: Asked) -> Answer:
        if asked.path != "/keys":
            return as_json({}, status=404)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(signing_key().public_key()))
        return as_json({"keys": [{**public, "kid": KID, "alg": "RS256", "use": "sig"}]})
