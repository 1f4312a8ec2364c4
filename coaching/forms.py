"""What a coach writes about their AI, checked."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import replace
from typing import Any, cast

from django import forms
from typing_extensions import override

from accounts.models import User
from coaching.models import LONGEST_BIO, LONGEST_INSTRUCTIONS, LONGEST_NAME, LONGEST_TONE
from coaching.personas import Change, Written
from coaching.policies.escalation import normalise

MOST_PHRASES = 50
LONGEST_PHRASE = 100
FEWEST_LETTERS = 4
"""A shorter phrase would stand in nearly every message."""
_LETTER = re.compile(r"\w")
_NOTHING = Written(name="", low_confidence_below=0)


class Words(forms.CharField):
    """Text without the characters that nobody sees and nothing reads, but line breaks and tabulators."""

    @override
    def to_python(self, value: Any) -> str:
        """Return the text as it is kept."""
        text = str(super().to_python(value) or "").replace("\r\n", "\n")
        return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) != "Cc").strip()


class Line(Words):
    """Words on one line."""

    @override
    def to_python(self, value: Any) -> str:
        """Return the words with single blanks between them."""
        return " ".join(super().to_python(value).split())


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class PersonaForm(forms.Form):
    """The AI of one coach."""

    name = Line(
        max_length=LONGEST_NAME,
        help_text="What it is called. Clients always see beside it that it is an AI.",
        error_messages={"required": "Give your AI a name."},
    )
    bio = Words(
        label="About it",
        max_length=LONGEST_BIO,
        required=False,
        widget=_area(3),
        help_text="What it is there for, as it would say it: “I help new teams to find norms that hold.”",
    )
    tone = Line(
        max_length=LONGEST_TONE,
        required=False,
        help_text="How it speaks, in a few words: “warm, curious and concrete”.",
    )
    instructions = Words(
        label="Your wishes",
        max_length=LONGEST_INSTRUCTIONS,
        required=False,
        widget=_area(8),
        help_text="How it should work. They never outweigh the rules that keep clients safe and sources honest.",
    )
    escalation_phrases = Words(
        label="Words that always call you",
        required=False,
        widget=_area(5),
        help_text="One phrase a line. Capitals, quotation marks and line breaks make no difference. A crisis, a "
        "high-stakes decision and the wish for a person call you in any case.",
    )
    low_confidence = forms.IntegerField(
        label="Call me when its sources carry an answer less than (per cent)",
        min_value=0,
        max_value=100,
        help_text="20 is usual; 0 never calls you for this. It is asked in conversations that are shared with you.",
        error_messages={
            "required": "Write a number from 0 to 100.",
            "invalid": "Write a number from 0 to 100.",
        },
    )

    def __init__(
        self,
        data: Any = None,
        *,
        coach: User,
        written: Written | None = None,
        only: Collection[str] | None = None,
    ) -> None:
        super().__init__(data, initial=_fields_of(written) if written else None)
        self._coach = coach
        if only is not None:
            self.fields = {name: field for name, field in self.fields.items() if name in only}
        for name, field in self.fields.items():
            # With each box a page sends back what was in it; whoever does not say that means what they write.
            field.show_hidden_initial = data is None or self.add_initial_prefix(name) in data

    def clean_name(self) -> str:
        """Refuse a name that says nothing, and the coach's own: nobody may take the AI for a person."""
        name = str(self.cleaned_data["name"])
        if not _LETTER.search(name):
            raise forms.ValidationError("A name has at least one letter.")
        if normalise(name) == normalise(self._coach.name):
            raise forms.ValidationError(
                "This is your own name. Clients would take the AI for you: give it another."
            )
        return name

    def clean_escalation_phrases(self) -> tuple[str, ...]:
        """Return the phrases, each once; refuse those that would call the coach all the time."""
        lines = (" ".join(line.split()) for line in self.cleaned_data["escalation_phrases"].splitlines())
        phrases = list({normalise(line): line for line in lines if line}.values())
        problems = [problem for phrase in phrases if (problem := _problem_of(phrase))]
        if len(phrases) > MOST_PHRASES:
            problems.append(f"These are {len(phrases)} phrases; {MOST_PHRASES} is the limit.")
        if problems:
            raise forms.ValidationError(problems)
        return tuple(phrases)

    def change(self) -> Change:
        """Return what is written otherwise than it was shown, so that nobody undoes what they have not seen."""
        seen = {name for name, field in self.fields.items() if field.show_hidden_initial}
        return self._read(leaving_out=seen.difference(self.changed_data))

    def written(self) -> Written:
        """Return what is written; nothing in the place of what cannot be read."""
        return replace(_NOTHING, **self._read())

    def _read(self, *, leaving_out: Collection[str] = ()) -> Change:
        read = {name: value for name, value in self.cleaned_data.items() if name not in leaving_out}
        if "low_confidence" in read:
            read["low_confidence_below"] = read.pop("low_confidence") / 100
        return cast("Change", read)


def _problem_of(phrase: str) -> str:
    if len(phrase) > LONGEST_PHRASE:
        return f"“{phrase[:40]}…” has {len(phrase)} characters; {LONGEST_PHRASE} is the limit for a phrase."
    if len(_LETTER.findall(normalise(phrase))) < FEWEST_LETTERS:
        return f"“{phrase}” is too short: it would call you all the time. Write at least {FEWEST_LETTERS} letters."
    return ""


def _fields_of(written: Written) -> dict[str, Any]:
    """Return what is written as the fields of the form."""
    return {
        "name": written.name,
        "bio": written.bio,
        "tone": written.tone,
        "instructions": written.instructions,
        "escalation_phrases": "\n".join(written.escalation_phrases),
        "low_confidence": round(written.low_confidence_below * 100),
    }
