"""An account with a provider that speaks OpenAI's protocol: its connections, and their failures in our words.

Of the SDK we take the client with its headers, its transport and its errors. A request goes straight to that
transport: the SDK's own way there, through the types of its options, takes longer than sending does
(`benchmarks.provider_cpu`). Retries and timeouts of the SDK are off: ours decide.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import openai
import orjson
from openai import AsyncOpenAI, DefaultAioHttpClient
from typing_extensions import override

from coaching.providers.openai_protocol import status_error
from coaching.providers.pace import Deadlines
from coaching.providers.per_loop import PerLoop
from coaching.providers.ports import (
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)

OFFICIAL_BASE_URL = "https://api.openai.com/v1"
OFFICIAL_HOST = "api.openai.com"
LINES = httpx2.Limits(max_connections=1000, keepalive_expiry=45.0)
"""A connection that is not used stays open for so many seconds: each new one costs round trips and a handshake."""

Result = TypeVar("Result")


class Account:
    """A base URL with a key: the connections that go with them, and nothing that prints the key."""

    def __init__(self, *, api_key: str, base_url: str, deadlines: Deadlines) -> None:
        self.base_url = base_url or OFFICIAL_BASE_URL
        self.is_official = urlsplit(self.base_url).hostname == OFFICIAL_HOST
        self.deadlines = deadlines
        self._lines = _lines(self.base_url, _Secret(api_key), deadlines.connect_s)

    @property
    def provider(self) -> str:
        """Who is asked, as prices and breakers know them."""
        return "openai" if self.is_official else f"compatible:{urlsplit(self.base_url).hostname or ''}"[:40]

    async def post(self, path: str, body: object, *, stream: bool) -> httpx2.Response:
        """Send a request; with `stream`, the body of the answer is left to be read.

        Raises:
            openai.APIStatusError: the provider did not say yes.
            httpx2.HTTPError: it could not be asked.
        """
        line = await self._lines.get()
        request = line.transport.build_request(
            "POST", f"{line.base_url}{path}", headers=line.headers, content=orjson.dumps(body)
        )
        response = await line.transport.send(request, stream=stream)
        if not response.is_success:
            text = (await response.aread()).decode(errors="replace")
            await response.aclose()
            raise openai.APIStatusError(text, response=response, body=_json(text))
        return response


async def rest(response: httpx2.Response, seconds: float) -> None:
    """Read nothing of a streamed answer for a while: what comes meanwhile waits with the system.

    Nothing is lost when the connection breaks off, as it would be if the transport went on to read; over TLS a reset
    takes what came in that moment, which nobody has seen. An answer that has come to its end has given its connection
    back already, and there is nothing to wait for.
    """
    behind = getattr(getattr(response.stream, "_stream", None), "_aiohttp_response", None)
    connection = behind.connection if behind is not None else None
    line = connection.transport if connection is not None else None
    if line is None:
        return
    line.pause_reading()
    try:
        await asyncio.sleep(seconds)
    finally:
        line.resume_reading()


class UnknownOption(Exception):
    """A compatible server does not know `stream_options`."""


async def translated(call: Coroutine[Any, Any, Result], *, due: float, may_drop: bool = False) -> Result:
    """Await `call` until `due` and turn whatever the SDK and its transport raise into our errors.

    The new error is raised outside the handler: it carries neither cause nor context, in which a
    request with its key could hide. Where no time is left, nobody is asked.
    """
    if due <= asyncio.get_running_loop().time():
        call.close()
        raise ProviderTimeout("no time is left")
    raised: Exception
    try:
        async with asyncio.timeout_at(due):
            return await call
    except Exception as error:  # noqa: BLE001 (the transports raise more kinds than the SDK admits to)
        raised = UnknownOption() if may_drop and _names_the_option(error) else our_error(error)
    raise raised


def our_error(error: Exception) -> ProviderError:
    """Return the error in our words; raise it outside the handler, as `translated` does."""
    if isinstance(error, ProviderError):
        return error
    if isinstance(error, openai.APIStatusError):
        return status_error(error.status_code, body=error.body, headers=error.response.headers)
    if _ran_out_of_time(error):
        return ProviderTimeout("nothing came in time")
    if isinstance(error, UnicodeError | TypeError):
        return ProviderRefused("the request could not be written")
    return ProviderUnavailable("the connection failed")


class _Secret:
    """A key that is compared by its hash and prints as nothing."""

    def __init__(self, value: str) -> None:
        self.value = value
        self._digest = hashlib.sha256(value.encode()).digest()

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Secret) and other._digest == self._digest

    @override
    def __hash__(self) -> int:
        return hash(self._digest)

    @override
    def __repr__(self) -> str:
        return "<key>"


@dataclass(frozen=True, slots=True)
class _Line:
    """What one event loop talks to the provider with; it prints as nothing, since the headers have the key."""

    client: AsyncOpenAI
    transport: httpx2.AsyncClient
    headers: Mapping[str, str]
    base_url: str

    @override
    def __repr__(self) -> str:
        return "<line>"

    async def close(self) -> None:
        await self.client.close()


@lru_cache(maxsize=256)
def _lines(base_url: str, key: _Secret, connect_s: float) -> PerLoop[_Line]:
    def make() -> _Line:
        timeout = openai.Timeout(None, connect=connect_s)
        transport = DefaultAioHttpClient(timeout=timeout, limits=LINES, follow_redirects=False)
        client = AsyncOpenAI(
            api_key=key.value or "none",  # compatible servers without keys; the SDK insists on one
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=transport,
        )
        said = [
            *client.auth_headers.items(),
            *client.default_headers.items(),
        ]  # what is configured wins, as in the SDK
        headers = {name.lower(): value for name, value in said if isinstance(value, str)}
        return _Line(client, transport, headers, base_url.rstrip("/"))

    return PerLoop(make, _Line.close)


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _names_the_option(error: Exception) -> bool:
    """Whether the server refused `stream_options`; one that repeats the whole question in its answer did not."""
    if not isinstance(error, openai.APIStatusError) or error.status_code not in {400, 422}:
        return False
    return "stream_options" in str(error) and '"messages"' not in str(error)


def _ran_out_of_time(error: BaseException | None) -> bool:
    """Look for the timeout itself: the SDK's transport calls a refused or reset connection one too."""
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__ or error.__context__
    return False
