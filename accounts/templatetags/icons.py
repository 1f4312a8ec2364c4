"""The icons of the interface, from the one file of symbols."""

from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

DECORATES = mark_safe('aria-hidden="true"')


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, label: str = "", extra: str = "") -> SafeString:
    """Draw an icon; with a `label` it says something by itself, without one it only decorates. `extra` names further classes.

    A tag and not an included template: a message has a dozen, and an include costs ten times as much. Each is drawn
    once, because the address of the file stays as long as the process.
    """
    meaning = format_html('role="img" aria-label="{}"', label) if label else DECORATES
    return format_html(
        '<svg class="icon{}{}" {} focusable="false"><use href="{}#{}"></use></svg>',
        " " if extra else "",
        extra,
        meaning,
        static("img/icons.svg"),
        name,
    )
