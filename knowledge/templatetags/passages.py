"""Where a passage stands and what it is about, in words."""

from django import template

from coaching.providers.ports import SourceText
from knowledge import domains, utterances
from knowledge.models import Passage
from knowledge.utterances import Utterance

register = template.Library()


@register.filter
def clock(seconds: float | None) -> str:
    """Say a time as a clock does: 1:02."""
    return utterances.clock(seconds)


@register.filter
def voiced(passage: Passage) -> str:
    """Return the text of a passage; that of a recording with the name of each speaker before their words."""
    speakers = utterances.speakers_of([Utterance(*each) for each in passage.utterances])
    return SourceText(passage.ordinal, "", passage.text, speakers=speakers).voiced


@register.filter
def domain_name(slug: str) -> str:
    """Say which domain this is."""
    return domains.names().get(slug, slug)
