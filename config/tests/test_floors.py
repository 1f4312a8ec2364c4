"""Foreign keys point downwards: import contracts cannot see a key that is named by a string."""

from typing import Any

import pytest
from django.apps import apps

FLOORS = ("config", "assessments", "conversations", "knowledge", "coaching", "accounts")
"""From the top: an app knows only those that come after it."""

SIDEWAYS = {("knowledge", "coaching")}
"""Knowledge sees the ports of coaching, never its data."""


def keys() -> list[tuple[str, str, str]]:
    """Return each foreign key between apps of ours: its name, its app, and the app that it points at."""
    found = []
    for model in apps.get_models():
        for field in model._meta.get_fields():
            target: Any = field.related_model
            if field.is_relation and field.concrete and target is not None and target != "self":
                ends = model._meta.app_label, target._meta.app_label
                if set(ends) <= set(FLOORS) and ends[0] != ends[1]:
                    found.append((f"{model._meta.label}.{field.name}", *ends))
    return found


def points_up(source: str, target: str) -> bool:
    """Return whether a key from one app to another goes up, or to a floor that it must not know."""
    return FLOORS.index(target) < FLOORS.index(source) or (source, target) in SIDEWAYS


def test_foreign_keys_point_down() -> None:
    assert [name for name, source, target in keys() if points_up(source, target)] == []


def test_there_are_keys_to_look_at() -> None:
    assert {target for _, _, target in keys()} >= {"accounts"}


@pytest.mark.parametrize(("source", "target"), [("accounts", "coaching"), ("knowledge", "coaching")])
def test_a_key_to_a_higher_floor_is_noticed(source: str, target: str) -> None:
    assert points_up(source, target)
