"""The JSON schema of an answer, in the strict dialect that structured output asks for."""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

PROBLEMS_TOLD = 8
Answer = TypeVar("Answer")

_adapters: dict[type[Any], TypeAdapter[Any]] = {}
"""One a schema in our code, so it stays small."""

NAMED = frozenset({"properties", "$defs"})
"""Keywords whose keys are names of ours, not keywords."""


def adapter_of(schema: type[Answer]) -> TypeAdapter[Answer]:
    """Return the validator of `schema`, built once."""
    adapter = _adapters.get(schema)
    if adapter is None:
        adapter = _adapters[schema] = TypeAdapter(schema)
    return adapter


def strict_schema(schema: type[Any]) -> dict[str, Any]:
    """Return the schema with closed objects, every property required and no defaults."""
    closed: dict[str, Any] = _closed(adapter_of(schema).json_schema())
    return closed


def problems(error: ValidationError) -> str:
    """Say what was wrong in lines that a model can act on, without repeating what it wrote."""
    told = error.errors(include_input=False, include_url=False, include_context=False)[:PROBLEMS_TOLD]
    return "\n".join(f"- {'.'.join(map(str, each['loc'])) or 'answer'}: {each['msg']}" for each in told)


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}  # strict mode allows nothing beside a reference
    written = {
        key: {name: _closed(each) for name, each in value.items()} if key in NAMED else _closed(value)
        for key, value in node.items()
        if key != "default"
    }
    properties = written.get("properties")
    if written.get("type") == "object" and isinstance(properties, dict):
        written["required"] = list(properties)
        written["additionalProperties"] = False
    return written
