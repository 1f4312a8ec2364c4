"""The OpenAPI description as people read it: operations by subject, with what they take and give. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

SUBJECTS = {
    "auth": "Who you are",
    "conversations": "Conversations",
    "messages": "Messages and feedback",
    "library": "The library",
    "analytics": "Numbers",
    "admin": "For administrators",
}
DEEPEST = 3
"""Levels of an answer that are written out; beyond it a name must do."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value that is sent or answered; `depth` says how far inside it stands."""

    name: str
    kind: str
    needed: bool
    about: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status other than success, and what it means."""

    status: str
    about: str


@dataclass(frozen=True, slots=True)
class Described:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    more: str
    scope: str
    parameters: Sequence[Field]
    sends: Sequence[Field]
    answers: Sequence[tuple[str, Sequence[Field]]]
    refusals: Sequence[Refusal]


@dataclass(frozen=True, slots=True)
class Subject:
    """The operations about one thing."""

    slug: str
    title: str
    operations: Sequence[Described]


def reference_of(description: Json) -> list[Subject]:
    """Return the operations of an OpenAPI description by subject, in its order."""
    by_tag: dict[str, list[Described]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            by_tag.setdefault(tag, []).append(_described(path, method, operation, description))
    order = [*SUBJECTS, *(tag for tag in by_tag if tag not in SUBJECTS)]
    return [Subject(tag, SUBJECTS.get(tag, tag.capitalize()), by_tag[tag]) for tag in order if tag in by_tag]


def _described(path: str, method: str, operation: Json, description: Json) -> Described:
    summary, _, more = operation.get("description", "").partition("\n")
    responses = operation["responses"]
    return Described(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=summary,
        more=" ".join(more.split()),
        scope=operation.get("x-scope", ""),
        parameters=[_parameter(each) for each in operation.get("parameters", ())],
        sends=list(_content_fields(operation.get("requestBody", {}), description)),
        answers=_answers(responses, description),
        refusals=[
            Refusal(status, response.get("description", ""))
            for status, response in sorted(responses.items())
            if not status.startswith("2")
        ],
    )


def _parameter(parameter: Json) -> Field:
    about = parameter.get("description", "") or parameter["schema"].get("description", "")
    return Field(parameter["name"], _kind(parameter["schema"]), parameter.get("required", False), about)


def _content_fields(holder: Json, description: Json) -> Iterator[Field]:
    for content in holder.get("content", {}).values():
        yield from _fields(content.get("schema", {}), description, 0)
        return


def _answers(responses: Json, description: Json) -> list[tuple[str, list[Field]]]:
    """Return what is answered by status; statuses with the same answer stand together."""
    answers: list[tuple[str, list[Field]]] = []
    for status, response in sorted(responses.items()):
        if not status.startswith("2"):
            continue
        fields = list(_answer_fields(response, description))
        if answers and answers[-1][1] == fields:
            answers[-1] = (f"{answers[-1][0]}, {status}", fields)
        else:
            answers.append((status, fields))
    return answers


def _answer_fields(response: Json, description: Json) -> Iterator[Field]:
    """Yield the fields under `data`; the envelope around them is explained once."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    yield from _fields(schema.get("properties", {}).get("data", {}), description, 0)


def _fields(schema: Json, description: Json, depth: int) -> Iterator[Field]:
    found = _resolved(schema, description)
    needed = set(found.get("required", ()))
    for name, value in found.get("properties", {}).items():
        inner = _resolved(value, description)
        about = value.get("description", "") or inner.get("description", "")
        holds = _resolved(inner.get("items", {}), description) if inner.get("type") == "array" else inner
        yield Field(
            name, _kind(inner, holds), name in needed, "" if holds.get("properties") else about, depth
        )
        if depth + 1 < DEEPEST:
            yield from _fields(holds, description, depth + 1)


def _resolved(schema: Json, description: Json) -> Json:
    """Return the schema that a reference leads to."""
    for part in schema.get("oneOf", schema.get("allOf", ())):
        if "$ref" in part:
            return _resolved(part, description)
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Json = description["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    return found


def _kind(schema: Json, holds: Json | None = None) -> str:
    """Return in a word or two what a value is."""
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) for value in schema["enum"])
    kind = schema.get("type", "object")
    names = kind if isinstance(kind, list) else [kind]
    if "array" in names:
        return f"list of {_kind(holds or schema.get('items', {}))}"
    shown = [schema.get("format", name) if name == "string" else name for name in names]
    return " | ".join(shown)
