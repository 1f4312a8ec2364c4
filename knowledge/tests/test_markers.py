"""The streaming parser of citation markers."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.markers import Marker, MarkerParser

PIECES = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "1",
            "2",
            "9",
            "12",
            "2024",
            ",",
            ", ",
            ";",
            " ",
            "\n",
            "\n\n",
            "`",
            "```",
            "~~~",
            "\\",
            "word",
            ".",
        ]
    ),
    max_size=40,
).map("".join)


def read(text: str, *, known: set[int] | None = None) -> str:
    parser = MarkerParser({1, 2, 3, 12} if known is None else known)
    return parser.feed(text) + parser.close()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Teams meet weekly [1].", "Teams meet weekly [1]."),
        ("Both say so [1,2].", "Both say so [1][2]."),
        ("Both say so [1, 2].", "Both say so [1][2]."),
        ("Both say so [1; 2].", "Both say so [1][2]."),
        ("Both say so [1][2].", "Both say so [1][2]."),
        ("The same twice [1, 1].", "The same twice [1]."),
        ("Nobody said it [9].", "Nobody said it."),
        ("One of them is known [9, 2].", "One of them is known [2]."),
        ("In the year [2024] it began.", "In the year [2024] it began."),
        ("A list [a] and an open one [1", "A list [a] and an open one [1"),
        ("Code `norms[1]` and then [1].", "Code `norms[1]` and then [1]."),
        ("Code ``a ` b[1]`` and then [9][1].", "Code ``a ` b[1]`` and then [1]."),
        ("```\nx = y[9]\n```\nSo [1].", "```\nx = y[9]\n```\nSo [1]."),
        ("~~~ python\nx[9]\n```\nx[1]\n~~~\nSo [9].", "~~~ python\nx[9]\n```\nx[1]\n~~~\nSo."),
        ("```x[9]``` and [9] out", "```x[9]``` and out"),
        ("An open `span[9]\n\nends with its paragraph [9].", "An open `span[9]\n\nends with its paragraph."),
        ("An escaped \\[9] is text", "An escaped \\[9] is text"),
        ("[[9]8] closes to nothing", "[  8] closes to nothing"),
        ("", ""),
    ],
)
def test_markers_are_put_in_order(text: str, shown: str) -> None:
    assert read(text) == shown


@given(text=PIECES, cuts=st.lists(st.integers(min_value=0, max_value=200), max_size=12))
def test_any_cutting_of_the_text_gives_the_same_output(text: str, cuts: list[int]) -> None:
    parser = MarkerParser({1, 2})
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    shown = "".join(parser.feed(text[start:end]) for start, end in itertools.pairwise(places))
    whole = MarkerParser({1, 2})
    assert shown + parser.close() == whole.feed(text) + whole.close()
    assert parser.markers == whole.markers


@given(text=PIECES)
def test_reading_the_output_again_changes_nothing(text: str) -> None:
    assert read(read(text)) == read(text)


@given(text=PIECES)
def test_every_marker_stands_where_it_is_said_to_stand_and_is_known(text: str) -> None:
    parser = MarkerParser({1, 2})
    shown = parser.feed(text) + parser.close()
    for marker in parser.markers:
        assert marker.number in {1, 2}
        assert shown.startswith(f"[{marker.number}]", marker.offset)


@given(text=PIECES.filter(lambda text: "`" not in text and "~" not in text and "\\" not in text))
def test_outside_code_no_unknown_number_is_left(text: str) -> None:
    assert {int(found) for found in re.findall(r"\[(\d{1,3})\]", read(text, known={1}))} <= {1}


def test_a_partial_marker_waits_and_the_text_before_it_does_not() -> None:
    parser = MarkerParser({1})
    assert parser.feed("So it is [") == "So it is"
    assert parser.feed("1") == ""
    assert parser.feed("].") == " [1]."
    assert parser.markers == (Marker(number=1, offset=9),)


def test_a_partial_marker_at_the_end_is_shown_as_it_is() -> None:
    parser = MarkerParser({1})
    assert parser.feed("So it is [1, ") == "So it is"
    assert parser.close() == " [1, "
    assert parser.markers == ()


def test_an_endless_marker_is_not_held_back() -> None:
    parser = MarkerParser({1})
    shown = parser.feed("[" + "1," * 200)
    assert len(shown) > 300
