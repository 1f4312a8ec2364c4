"""The look without a browser: contrast, one dark palette, and templates that refer to what exists."""

import re

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
TOKENS = (ROOT / "static/css/tokens.css").read_text(encoding="utf-8")
TEXT = 4.5
CONTROL = 3.0

PAIRS = [
    *[
        (ink, ground, TEXT)
        for ink in ("ink", "ink-soft")
        for ground in ("paper", "surface", "raised", "sunken")
    ],
    *[
        (ink, ground, TEXT)
        for ink in ("accent-strong", "accent", "coach", "ai", "danger")
        for ground in ("paper", "surface", "raised")
    ],
    *[
        (f"on-{name}", name, TEXT)
        for name in (
            "accent",
            "accent-soft",
            "coach-soft",
            "ai-soft",
            "danger",
            "danger-soft",
            "warning-soft",
            "good-soft",
            "mark",
        )
    ],
    ("on-accent", "accent-strong", TEXT),
    ("paper", "ink", TEXT),
    *[
        (line, ground, CONTROL)
        for line in ("line-strong", "accent", "danger")
        for ground in ("paper", "surface", "raised")
    ],
]


def _palettes() -> list[dict[str, str]]:
    blocks = re.findall(r"color-scheme: \w+;([^}]*)}", TOKENS)
    return [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_ratio_is_that_of_the_standard() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_both_dark_palettes_are_the_same_and_as_complete_as_the_light_one() -> None:
    light, by_device, by_choice = _palettes()
    assert by_device == by_choice
    assert light.keys() == by_choice.keys()


@pytest.mark.parametrize("palette", [0, 1], ids=["light", "dark"])
def test_every_text_and_control_stands_out_from_its_ground(palette: int) -> None:
    colors = _palettes()[palette]
    weak = {
        f"{front} on {ground}": round(contrast(colors[front], colors[ground]), 2)
        for front, ground, least in PAIRS
        if contrast(colors[front], colors[ground]) < least
    }
    assert weak == {}


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    drawn = set(
        re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/img/icons.svg").read_text(encoding="utf-8"))
    )
    pattern = re.compile(r'(?:\{% icon |\bicon=)"([\w-]+)"')
    named = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in pattern.findall(path.read_text(encoding="utf-8"))
    }
    assert named - drawn == set()
    assert {"client", "ai", "coach", "system"} <= drawn


def test_styles_use_only_names_that_exist() -> None:
    sheets = [path.read_text(encoding="utf-8") for path in (ROOT / "static/css").glob("*.css")]
    defined = {name for sheet in sheets for name in re.findall(r"(--[\w-]+):", sheet)}
    used = {name for sheet in sheets for name in re.findall(r"var\((--[\w-]+)", sheet)}
    theirs = {
        name for name in used if name.startswith(("--color-", "--border-radius"))
    }  # Unfold's, in the dashboard
    assert used - defined - theirs == set()


def test_nothing_is_fetched_from_elsewhere_or_written_inline() -> None:
    for path in [
        *(ROOT / "templates").rglob("*.html"),
        *(ROOT / "static").rglob("*.css"),
        *(ROOT / "static").rglob("*.js"),
    ]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"""(?:src|href)=["']https?:|url\(["']?https?:|@import""", text), path
        if path.suffix == ".html":
            assert not re.search(
                r"<style|\sstyle=|\son\w+=|<script(?![^>]*(src=|nonce=|application/json))", text
            ), path
