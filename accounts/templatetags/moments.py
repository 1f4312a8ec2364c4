"""When something was or will be, on the pages."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def moment(at: datetime) -> SafeString:
    """Say when, to the minute and with the zone of this installation; a script puts it on the reader's own clock."""
    here = timezone.localtime(at)
    words = date_format(here, "j F Y, H:i e")
    return format_html('<time datetime="{}" data-moment>{}</time>', here.isoformat(), words)
