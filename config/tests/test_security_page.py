"""The page about security names tests that exist: each control has one."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
NODE = re.compile(r"`([\w/]+\.py(?:::\w+)+)`")
CONTROL = re.compile(r"^\| (?!control|---)(.+?) \|.*$", re.MULTILINE)


def node_ids() -> list[str]:
    """Return every test that the page names."""
    return NODE.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("node_id", sorted(set(node_ids())))
def test_a_test_that_is_named_exists(node_id: str) -> None:
    path, *names = node_id.split("::")
    inside: list[ast.stmt] = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    for name in names:
        found = [
            each
            for each in inside
            if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and each.name == name
        ]
        assert found, f"{node_id}: no {name}"
        inside = found[0].body
    assert names[-1].startswith("test_")


def test_every_control_names_its_test_and_its_id() -> None:
    rows = [found.group() for found in CONTROL.finditer(PAGE.read_text(encoding="utf-8"))]
    assert len(rows) > 30
    assert [row for row in rows if not NODE.search(row)] == []
    assert [row for row in rows if not re.search(r"\| (\d+\.\d+\.\d+)(, \d+\.\d+\.\d+)* \|$", row)] == []
