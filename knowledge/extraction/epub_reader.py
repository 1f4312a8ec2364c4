"""EPUB: the package file names the parts in reading order, each part is a page of HTML."""

import io
import posixpath
import re
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from knowledge.extraction.cleaning import one_line
from knowledge.extraction.document import (
    Block,
    BlockKind,
    Cause,
    Chapter,
    ExtractedDocument,
    ExtractionError,
)
from knowledge.extraction.html_reader import blocks_of_html, parse
from knowledge.extraction.structure import FRONT_MATTER, chapters_from_headings

NUMBER_ONLY = re.compile(r"^(?:chapter|part|section)\s+(?:\d{1,3}|[ivxlc]{1,7})\.?$", re.IGNORECASE)
YEAR = re.compile(r"\b(1[5-9]\d\d|20\d\d)\b")
HTML_TYPES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
NCX_TYPE = "application/x-dtbncx+xml"
DAMAGE = (ElementTree.ParseError, DefusedXmlException, KeyError, zipfile.BadZipFile, LookupError, ValueError)


@dataclass(frozen=True, slots=True)
class Package:
    """What the package file says."""

    title: str
    authors: tuple[str, ...]
    year: int | None
    language: str
    spine: tuple[str, ...]
    contents: str


def read_epub(data: bytes) -> ExtractedDocument:
    """A book; raises ExtractionError: encrypted for one with rights management, malformed, empty."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        if "META-INF/rights.xml" in names or "META-INF/sinf.xml" in names:
            raise ExtractionError(Cause.encrypted, "rights management")
        try:
            package = _package(archive)
            titles = _contents(archive, package.contents) if package.contents in names else {}
        except DAMAGE as error:
            raise ExtractionError(Cause.malformed, "package") from error
        blocks, starts = _parts(archive, [name for name in package.spine if name in names])
    if not blocks:
        raise ExtractionError(Cause.empty, "no text")
    chapters = _chapters(titles, starts, blocks) or chapters_from_headings(blocks)
    return ExtractedDocument(
        format="epub",
        title=package.title,
        authors=package.authors,
        year=package.year,
        blocks=tuple(blocks),
        pages=(),
        chapters=tuple(chapters),
        language=package.language,
    )


def _package(archive: zipfile.ZipFile) -> Package:
    container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
    path = next(e.get("full-path", "") for e in container.iter() if _name(e) == "rootfile")
    root = ElementTree.fromstring(archive.read(path))
    items = [e for e in root.iter() if _name(e) == "item"]
    files = {e.get("id", ""): _join(path, e.get("href", "")) for e in items}
    types = {e.get("id", ""): e.get("media-type", "") for e in items}
    order = [e.get("idref", "") for e in root.iter() if _name(e) == "itemref"]
    nav = [e.get("id", "") for e in items if "nav" in (e.get("properties") or "").split()]
    ncx = [identifier for identifier, kind in types.items() if kind == NCX_TYPE]
    dates = _fields(root, "date")
    found = YEAR.search(dates[0]) if dates else None
    return Package(
        title=" ".join(_fields(root, "title")[:1])[:300],
        authors=tuple(_fields(root, "creator"))[:20],
        year=int(found[1]) if found else None,
        language=" ".join(_fields(root, "language")[:1])[:12],
        spine=tuple(files[i] for i in order if types.get(i) in HTML_TYPES and i not in nav),
        contents=files.get((ncx + nav or [""])[0], ""),
    )


def _contents(archive: zipfile.ZipFile, path: str) -> dict[str, str]:
    """File name to title, from the top level of the table of contents."""
    root = ElementTree.fromstring(archive.read(path))
    if _name(root) == "ncx":
        points = [e for m in root.iter() if _name(m) == "navMap" for e in m if _name(e) == "navPoint"]
        entries = [(_first(e, "content").get("src", ""), _all_text(_first(e, "navLabel"))) for e in points]
    else:
        lists = [e for nav in root.iter() if _name(nav) == "nav" for e in nav if _name(e) == "ol"]
        links = (
            [next((a for a in item.iter() if _name(a) == "a"), None) for item in lists[0]] if lists else []
        )
        entries = [(link.get("href", ""), _all_text(link)) for link in links if link is not None]
    titles: dict[str, str] = {}
    for target, title in entries:
        titles.setdefault(_join(path, target), title)
    return titles


def _parts(archive: zipfile.ZipFile, spine: list[str]) -> tuple[list[Block], dict[str, int]]:
    """All blocks, and the index at which each file starts; a part that is no HTML is left out."""
    blocks: list[Block] = []
    starts: dict[str, int] = {}
    for name in spine:
        try:
            part = blocks_of_html(parse(archive.read(name)))
        except (ExtractionError, zipfile.BadZipFile):
            continue
        if part:
            starts[name] = len(blocks)
            blocks += part
    return blocks, starts


def _chapters(titles: dict[str, str], starts: dict[str, int], blocks: list[Block]) -> list[Chapter]:
    entries = sorted((starts[name], title) for name, title in titles.items() if name in starts and title)
    while entries and FRONT_MATTER.match(entries[0][1]):
        del entries[0]
    if len(entries) < 2:
        return []
    return [
        Chapter(number, _title(title, blocks[at]), at) for number, (at, title) in enumerate(entries, start=1)
    ]


def _title(title: str, first: Block) -> str:
    """A bare "Chapter 3" gets the heading that stands at its start."""
    if NUMBER_ONLY.match(title) and first.kind is BlockKind.heading and not NUMBER_ONLY.match(first.text):
        return f"{title}: {first.text}"[:300]
    return title


def _join(base: str, target: str) -> str:
    return posixpath.normpath(
        posixpath.join(posixpath.dirname(base), unquote(target.split("#", maxsplit=1)[0]))
    )


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _first(element: Any, name: str) -> Any:
    return next(e for e in element.iter() if _name(e) == name)


def _all_text(element: Any) -> str:
    return one_line(" ".join(element.itertext()))


def _fields(root: Any, name: str) -> list[str]:
    """Dublin Core fields in order, without empty ones."""
    values = [
        one_line(e.text or "") for e in root.iter() if e.tag == f"{{http://purl.org/dc/elements/1.1/}}{name}"
    ]
    return [value for value in values if value]
