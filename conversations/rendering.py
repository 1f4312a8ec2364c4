"""Markdown to safe HTML, by one allow-list for the stream's end, reload, share and mail.

Raw HTML is text, images are dropped, links carry `rel` and open apart. Citation markers ``[n]`` of the AI become
links to the page viewer; one without a stored citation is removed. What a person writes has no markers: their
``[n]`` is text.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

import nh3
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from knowledge.utterances import place_of

TAGS = frozenset(
    {"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "a", "sup", "span"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
)
ATTRIBUTES = {
    "a": {"href", "title", "class", "data-citation", "aria-label", "target"},
    "ol": {"start"},
    "th": {"scope"},
    "span": {"class"},
}
LONGEST = 40_000
"""Characters beyond which a text is shown as plain text: parsing hostile Markdown must stay cheap."""

Address = Callable[[Mapping[str, Any]], str]
"""From a stored citation to where its marker leads."""

MARKER = re.compile(r"\[(\d{1,3})\]")
"""A citation in a text; with `(` or `:` after it, it is a link of Markdown's own."""


def _citation_rule(state: StateInline, silent: bool) -> bool:
    match = MARKER.match(state.src, state.pos) if state.env["citations"] is not None else None
    if match is None or state.src[match.end() : match.end() + 1] in {"(", ":"}:
        return False
    if not silent:
        token = state.push("citation", "", 0)
        token.content = match.group(1)
    state.pos = match.end()
    return True


def _render_citation(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    waiting = env["citations"].get(int(tokens[index].content))
    if not waiting:
        return ""
    citation = waiting.popleft() if len(waiting) > 1 else waiting[0]
    number = int(citation["number"])
    label = escape(f"Source {number}: {citation['title']}{_place(citation)}", quote=True)
    return (
        f'<sup><a class="citation citation--{escape(citation["label"], quote=True)}" '
        f'href="{escape(env["address"](citation), quote=True)}" data-citation="{number}" '
        f'aria-label="{label}" title="{label}">{number}</a></sup>'
    )


def _place(citation: Mapping[str, Any]) -> str:
    place = place_of(citation)
    return f", {place}" if place else ""


def citation_url(citation: Mapping[str, Any]) -> str:
    """Return the address that opens the quoted version at the cited page with the quote marked."""
    page = _page_url(citation["document_id"], citation["version_id"], citation.get("page_index") or 0)
    return (
        f"{page}?passage={citation['passage_id']}&from={citation['quote_start']}&to={citation['quote_end']}"
    )


@lru_cache(maxsize=2048)
def _page_url(document_id: str, version_id: str, page_index: int) -> str:
    return reverse("knowledge:page", args=[document_id, version_id, page_index])


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    parser.enable(["table", "strikethrough"]).disable(["image", "reference", "html_block", "html_inline"])
    parser.inline.ruler.before("link", "citation", _citation_rule)
    parser.add_render_rule("citation", _render_citation)
    return parser


def render(
    text: str, citations: Sequence[Mapping[str, Any]] | None = None, *, address: Address = citation_url
) -> SafeString:
    """Render Markdown as safe HTML: the AI's with its citations as links, anybody else's without any (None)."""
    if len(text) > LONGEST:
        return plain(text)
    by_number: dict[int, deque[Mapping[str, Any]]] | None = None if citations is None else {}
    if by_number is not None:
        for citation in citations or ():
            by_number.setdefault(int(citation["number"]), deque()).append(citation)
    html = _markdown().render(text, {"citations": by_number, "address": address})
    clean = nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308 - cleaned by the allow-list above


def plain(text: str) -> SafeString:
    """Render a client's words as they were typed: escaped, with their line breaks."""
    return mark_safe(f'<p class="plain">{escape(text)}</p>')  # noqa: S308 - escaped here
