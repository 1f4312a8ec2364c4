"""Every address that the resolver knows, with something in place of each parameter."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

NOBODY = "01890000-0000-7000-8000-000000000000"
SAMPLES = {"uuid": NOBODY, "int": "0", "str": "x", "slug": "x", "path": NOBODY, None: "x"}
_PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
_GROUP = re.compile(r"\(\?P<(?P<name>\w+)>(?P<inside>[^()]*)\)")


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern of the resolver, and an address that it matches."""

    pattern: str
    address: str


def routes(known: Mapping[str, Any] | None = None) -> list[Route]:
    """Return every route; `known` has values for parameters by their name, for the others there is nobody's id."""
    return [
        Route(pattern, f"/{address}")
        for pattern, address in _walk(get_resolver().url_patterns, "", "", known or {})
    ]


def _walk(
    patterns: list[URLPattern | URLResolver], pattern: str, address: str, known: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for each in patterns:
        longer = pattern + str(each.pattern), address + _filled(each.pattern, known)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, *longer, known)
        else:
            yield longer


def _filled(pattern: Any, known: Mapping[str, Any]) -> str:
    if isinstance(pattern, RegexPattern):
        return _filled_groups(str(pattern), known)
    return _PARAMETER.sub(
        lambda found: str(known.get(found["name"], SAMPLES.get(found["converter"], "x"))), str(pattern)
    )


def _filled_groups(pattern: str, known: Mapping[str, Any]) -> str:
    """Return what a regular expression matches, of the few kinds that are used in addresses."""

    def value(found: re.Match[str]) -> str:
        first = found["inside"].split("|")[0]
        return str(known.get(found["name"], first if first.isidentifier() else "x"))

    return _GROUP.sub(value, pattern).strip("^$").replace("\\", "")
