"""The cited page: the version that was quoted, opened at its page with the quote marked."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from accounts.access import NotVisible
from accounts.http import MemberRequest, member_required
from knowledge import opening, page_images
from knowledge.models import DocumentVersion
from knowledge.opening import Cited, Opened
from knowledge.page_content import Leaf

IMAGE_SECONDS = 3600
AGAIN_SECONDS = 5


@require_safe
@member_required
def page(request: MemberRequest, document_id: UUID, version_id: UUID, index: int) -> HttpResponse:
    """Show a page of a version: as a whole page, or as a fragment for a dialog when htmx asks."""
    try:
        version = opening.version_of(request.user, document_id, version_id)
    except NotVisible:
        return _removed(request)
    cited = _cited(request, version)
    context = _context(version, cited, index)
    template = "knowledge/page.html#viewer" if request.htmx else "knowledge/page.html"
    response = render(request, template, context | {"fragment": bool(request.htmx)})
    patch_cache_control(response, private=True, no_store=True)
    response["Vary"] = "HX-Request, Cookie"
    return response


@require_safe
@member_required
def page_image(request: MemberRequest, document_id: UUID, version_id: UUID, index: int) -> HttpResponse:
    """Send the picture of a page."""
    version = opening.version_of(request.user, document_id, version_id)
    try:
        content = page_images.image(version, page_index=index, width=_number(request, "width", 1200))
    except page_images.NoPicture as problem:
        raise NotVisible from problem
    except page_images.Busy:
        return _later()
    return _picture(content, "image/png")


@require_safe
@member_required
def page_marks(request: MemberRequest, document_id: UUID, version_id: UUID, index: int) -> HttpResponse:
    """Send the marks of a quote as a picture that is laid over the page's."""
    version = opening.version_of(request.user, document_id, version_id)
    cited = _cited(request, version)
    try:
        found = page_images.marks(version, page_index=index, quote=cited.quote) if cited else None
    except page_images.NoPicture as problem:
        raise NotVisible from problem
    except page_images.Busy:
        return _later()
    if found is None:
        raise NotVisible
    rectangles = [
        {
            "x": round(part.x0 * 1000, 1),
            "y": round(part.y0 * 1000, 1),
            "width": round((part.x1 - part.x0) * 1000, 1),
            "height": round((part.y1 - part.y0) * 1000 * found.height, 1),
            "top": round(part.y0 * 1000 * found.height, 1),
        }
        for part in found.rectangles
    ]
    context = {"height": round(1000 * found.height), "rectangles": rectangles}
    return _picture(render_to_string("knowledge/marks.svg", context).encode(), "image/svg+xml")


def _removed(request: MemberRequest) -> HttpResponse:
    """Say the same of a source that is gone and of one that is somebody else's."""
    template = "knowledge/removed.html#removed" if request.htmx else "knowledge/removed.html"
    # htmx swaps no error into the page, so a fragment that says what happened is a success.
    return render(request, template, status=200 if request.htmx else 404)


def _cited(request: MemberRequest, version: DocumentVersion) -> Cited | None:
    try:
        passage_id = UUID(request.GET.get("passage", ""))
    except ValueError:
        return None
    start, end = _number(request, "from", 0), _number(request, "to", 0)
    return opening.cited(version, passage_id, start=start, end=end)


def _number(request: MemberRequest, name: str, otherwise: int) -> int:
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 7 else otherwise


def _context(version: DocumentVersion, cited: Cited | None, index: int) -> dict[str, object]:
    seen = opening.opened(version, cited, index=index)
    context: dict[str, object] = {
        "version": version,
        "document": version.document,
        "cited": cited,
        "newer": seen.newer,
        "blocks": seen.blocks,
        "has_pages": seen.has_pages,
        "title": seen.title,
    }
    if seen.newer:
        context["newer_url"] = _address(seen.newer, index)
    if seen.leaf is None:
        return context
    return context | _around(seen, seen.leaf) | _pictures(seen, seen.leaf, cited)


def _around(seen: Opened, leaf: Leaf) -> dict[str, object]:
    return {
        "leaf": leaf,
        "label": seen.label,
        "count": seen.count,
        "previous_url": _address(seen.version, leaf.index - 1) if leaf.index > 0 else "",
        "next_url": _address(seen.version, leaf.index + 1) if leaf.index < seen.count - 1 else "",
    }


def _pictures(seen: Opened, leaf: Leaf, cited: Cited | None) -> dict[str, object]:
    version = seen.version
    if not page_images.can_draw(version) or not seen.has_pages:
        return {}
    place = [version.document_id, version.pk, leaf.index]
    pictures: dict[str, object] = {"image_url": reverse("knowledge:page_image", args=place)}
    if cited and cited.quote.strip():
        pictures["marks_url"] = reverse("knowledge:page_marks", args=place) + "?" + cited.query
    return pictures


def _address(version: DocumentVersion, index: int) -> str:
    return reverse("knowledge:page", args=[version.document_id, version.pk, index])


def _later() -> HttpResponse:
    """Say that too many pages are being drawn; the script of the page asks once more."""
    response = HttpResponse("Too many pages are being drawn. Try again in a few seconds.", status=503)
    response["Retry-After"] = str(AGAIN_SECONDS)
    response["Cache-Control"] = "no-store"
    return response


def _picture(content: bytes, media_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    # A version never changes; the gate is asked again after an hour.
    patch_cache_control(response, private=True, max_age=IMAGE_SECONDS)
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
