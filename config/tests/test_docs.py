"""What the pages tell operators to type exists."""

import re
from pathlib import Path

import pytest
from django.utils.module_loading import import_string

ROOT = Path(__file__).resolve().parents[2]
ADAPTER = re.compile(r"\bcoaching\.providers\.[a-z_.]*[a-z_]")


def adapters() -> list[str]:
    """Return the adapters that the pages name by their dotted path."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return sorted({path for page in pages for path in ADAPTER.findall(page.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("path", adapters())
def test_an_adapter_of_the_pages_can_be_chosen(path: str) -> None:
    assert callable(import_string(path))
