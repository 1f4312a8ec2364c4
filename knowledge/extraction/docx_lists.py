"""The lists of a Word document: which paragraph is an item of which, and the number that Word prints before it.

A paragraph, or its style, names a list (`numId`) and a level in it (`ilvl`). The part "numbering" says what each level
looks like; lists that share their looks also go on counting where the other stopped.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from docx.document import Document
from docx.oxml.ns import qn
from lxml import etree

from knowledge.extraction.cleaning import one_line

BULLET = "• "
NO_LIST = "0"
STYLE, LIST, LEVEL, VALUE = qn("w:style"), qn("w:num"), qn("w:lvl"), qn("w:val")
PLACE = re.compile(r"%([1-9])")
LONGEST_NUMBER = 6
"""Digits of the number with which a list may begin."""
LONGEST_MARK = 24
LAST_OF_LETTERS, LAST_OF_ROMANS = 26 * 4, 3_999
"""Beyond these, letters and Roman numerals are written as plain numbers."""
ROMANS = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
MOST_STYLES = 20
"""Styles that stand on each other, at most."""


class Item(NamedTuple):
    """A place in a list; `list_id` is empty where only the look of the style says that it is one."""

    list_id: str
    level: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """How one level of a list is numbered: `text` has %1 for the number of the first level, and so on."""

    format: str
    text: str
    first: int
    only_digits: bool
    goes_on: bool
    """Whether it goes on counting under a new item of the level above."""
    style: str


@dataclass(frozen=True, slots=True)
class Looks:
    """The levels of a list; lists of one `name` count together."""

    name: str
    levels: dict[int, Level]


NOTHING = Looks("", {})


class Lists:
    """The lists of one document, and how far each has been counted; paragraphs are asked for in order, once."""

    def __init__(self, document: Document) -> None:
        self._styles = {
            style.get(qn("w:styleId"), ""): style for style in document.styles.element.iter(STYLE)
        }
        part = _numbering(document)
        self._looks = {
            each.get(qn("w:abstractNumId"), ""): each for each in part.iterchildren(qn("w:abstractNum"))
        }
        self._lists = {each.get(qn("w:numId"), ""): each for each in part.iterchildren(LIST)}
        self._known: dict[str, Looks] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[str] = set()

    def item(self, properties: Any, style: str) -> Item | None:
        """Return where in a list a paragraph of these properties and this style stands."""
        own = properties.find(qn("w:numPr")) if properties is not None else None
        list_id, level = _numbers(own)
        if list_id:
            return None if list_id == NO_LIST else Item(list_id, level or 0)
        from_style = self._of_style(style)
        if from_style is None:
            return Item("") if own is not None else None
        return from_style if level is None else from_style._replace(level=level)

    def mark(self, item: Item) -> str:
        """Count an item, and return what stands before it."""
        looks = self._looks_of(item.list_id)
        level = looks.levels.get(item.level)
        if level is None:
            return BULLET
        counts = self._counts.setdefault(looks.name, {})
        self._begin_anew(item.list_id, counts)
        counts[item.level] = counts.get(item.level, level.first - 1) + 1
        for deeper in [each for each in counts if each > item.level]:
            if not (deeper in looks.levels and looks.levels[deeper].goes_on):
                del counts[deeper]
        return _mark(looks.levels, level, counts, item.level)

    def _of_style(self, style: str) -> Item | None:
        """Return the list of a style, or of one that it stands on."""
        name, level = style, None
        for _ in range(MOST_STYLES):
            element = self._styles.get(name)
            if element is None:
                break
            list_id, own_level = _numbers(_properties(element))
            level = own_level if level is None else level
            if list_id == NO_LIST:
                return None
            if list_id:
                return Item(list_id, self._level_of(list_id, style) if level is None else level)
            name = _value(element, "w:basedOn")
        return Item("") if style.startswith("List") else None

    def _level_of(self, list_id: str, style: str) -> int:
        levels = self._looks_of(list_id).levels
        return next((number for number, level in levels.items() if level.style == style), 0)

    def _looks_of(self, list_id: str) -> Looks:
        if list_id not in self._known:
            self._known[list_id] = self._read_looks(list_id)
        return self._known[list_id]

    def _read_looks(self, list_id: str) -> Looks:
        one = self._lists.get(list_id)
        name = _value(one, "w:abstractNumId")
        looks = self._looks.get(name)
        link = _value(looks, "w:numStyleLink")
        if link and link in self._styles:
            linked, _ = _numbers(_properties(self._styles[link]))
            name = _value(self._lists.get(linked), "w:abstractNumId")
            looks = self._looks.get(name)
        if one is None or looks is None:
            return NOTHING
        own = [each for override in _overrides(one) for each in override.iterchildren(LEVEL)]
        return Looks(name, {_at(each): _level(each) for each in [*looks.iterchildren(LEVEL), *own]})

    def _begin_anew(self, list_id: str, counts: dict[int, int]) -> None:
        """Begin with the number that a list of its own has, the first time that it comes."""
        if list_id in self._begun:
            return
        self._begun.add(list_id)
        for override in _overrides(self._lists[list_id]):
            first = _value(override, "w:startOverride")
            if first:
                counts[_at(override)] = _whole(first, 1) - 1


def _numbering(document: Document) -> Any:
    """Return the part "numbering"; an empty one where there is none that can be read: the words can, all the same."""
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith("/numbering"):
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            with suppress(etree.XMLSyntaxError):
                return etree.fromstring(relation.target_part.blob, parser)
    return etree.Element(qn("w:numbering"))


def _properties(style: Any) -> Any:
    return style.find(f"{qn('w:pPr')}/{qn('w:numPr')}")


def _numbers(properties: Any) -> tuple[str, int | None]:
    """Return list and level of a `numPr`; an empty one where there is none."""
    level = _value(properties, "w:ilvl")
    return _value(properties, "w:numId"), _whole(level, 0) if level else None


def _overrides(one: Any) -> Iterator[Any]:
    return iter(one.iterchildren(qn("w:lvlOverride")))


def _level(element: Any) -> Level:
    return Level(
        format=_value(element, "w:numFmt") or "decimal",
        text=_value(element, "w:lvlText"),
        first=_whole(_value(element, "w:start"), 1),
        only_digits=element.find(qn("w:isLgl")) is not None,
        goes_on=_value(element, "w:lvlRestart") == "0",
        style=_value(element, "w:pStyle"),
    )


def _at(element: Any) -> int:
    return _whole(element.get(qn("w:ilvl"), ""), 0)


def _value(element: Any, child: str) -> str:
    found = element.find(qn(child)) if element is not None else None
    return str(found.get(VALUE, "")) if found is not None else ""


def _whole(digits: str, otherwise: int) -> int:
    return int(digits) if digits.isdecimal() and len(digits) <= LONGEST_NUMBER else otherwise


def _mark(levels: dict[int, Level], level: Level, counts: dict[int, int], at: int) -> str:
    """Return the number of an item as it is printed, always with a sign behind it."""
    if level.format in {"bullet", "none"}:
        return BULLET

    def number(place: re.Match[str]) -> str:
        of = int(place[1]) - 1
        there = levels.get(of, level)
        return _written(counts.get(of, there.first), "decimal" if level.only_digits else there.format)

    text = one_line(PLACE.sub(number, level.text))
    if not PLACE.search(level.text) or len(text) > LONGEST_MARK:
        text = _written(counts[at], level.format)
    return f"{text}. " if text[-1].isalnum() else f"{text} "


def _written(count: int, format_: str) -> str:
    return WRITTEN.get(format_, str)(count)


def _letters(count: int) -> str:
    """Return a to z, aa to zz, as Word counts."""
    if not 0 < count <= LAST_OF_LETTERS:
        return str(count)
    return chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)


def _roman(count: int) -> str:
    if not 0 < count <= LAST_OF_ROMANS:
        return str(count)
    text = ""
    for value, letters in ROMANS:
        times, count = divmod(count, value)
        text += letters * times
    return text


WRITTEN: dict[str, Callable[[int], str]] = {
    "lowerLetter": _letters,
    "upperLetter": lambda count: _letters(count).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda count: _roman(count).upper(),
    "decimalZero": lambda count: f"{count:02}",
}
