"""Where a passage stands and what it is about, in words."""

from django import template

from knowledge import domains, page_content

register = template.Library()


@register.filter
def clock(seconds: float | None) -> str:
    """Say a time as a clock does: 1:02."""
    return page_content.clock(seconds)


@register.filter
def domain_name(slug: str) -> str:
    """Say which domain this is."""
    return domains.names().get(slug, slug)
