"""What people may hand in to the library."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from typing_extensions import override

from knowledge.extraction.formats import SUFFIXES
from knowledge.models import Document, Domain

LARGEST_MB = 100
ACCEPTED = ",".join(sorted(suffix for suffix in SUFFIXES if suffix))

SHARED, OWN = "shared", "own"

BUSY_PROVIDER = (
    "The service that finds the domains did not answer, so nothing was changed. Try again in a minute."
)


class FilesInput(forms.ClearableFileInput):
    """A file input that takes several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files, each within the limit of size; an empty one is let through, to be explained later."""

    widget = FilesInput

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_empty_file=True, **options)

    @override
    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[bytes]]":
        """Return the files; raises ValidationError for none at all or one that is too large."""
        given = data if isinstance(data, list | tuple) else [data]
        return [self._checked(super(FilesField, self).clean(file, initial)) for file in given or [None]]

    def _checked(self, file: "UploadedFile[bytes]") -> "UploadedFile[bytes]":
        if (file.size or 0) > LARGEST_MB * 1024 * 1024:
            raise forms.ValidationError(f"{file.name} is larger than {LARGEST_MB} MB. Split it into parts.")
        return file


class UploadForm(forms.Form):
    """New documents, and for whom they are."""

    documents = FilesField(
        label="Files",
        help_text=f"PDF, Word, PowerPoint, EPUB, HTML, Markdown, text, VTT or SRT, up to {LARGEST_MB} MB each.",
        widget=FilesInput(attrs={"accept": ACCEPTED}),
    )
    keeper = forms.ChoiceField(
        label="Who may look things up in them",
        choices=[(SHARED, "Everybody in the organization"), (OWN, "Only my own clients and me")],
        initial=SHARED,
        widget=forms.RadioSelect,
    )


class ReplaceForm(forms.Form):
    """The changed file of a document."""

    file = forms.FileField(
        label="Changed file", allow_empty_file=True, widget=forms.FileInput(attrs={"accept": ACCEPTED})
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        """Return the file; raises ValidationError when it is too large."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_MB * 1024 * 1024:
            raise forms.ValidationError(f"The file is larger than {LARGEST_MB} MB. Split it into parts.")
        return file


class DocumentForm(forms.Form):
    """What is known about a document."""

    title = forms.CharField(max_length=300)
    authors = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One name a line.",
    )
    year = forms.IntegerField(required=False, min_value=1000, max_value=2999)
    chosen_domains = forms.MultipleChoiceField(
        label="Domains",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Leave all empty to let the text of each passage decide.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = list(Domain.objects.order_by("name").values_list("slug", "name"))
        self.fields["chosen_domains"].choices = choices  # type: ignore[attr-defined]

    def clean_authors(self) -> list[str]:
        """Return the names, one a line, without empty ones."""
        names: Sequence[str] = self.cleaned_data["authors"].splitlines()
        return [name.strip()[:200] for name in names if name.strip()]

    @staticmethod
    def initial_of(document: Document) -> dict[str, Any]:
        """Return what the form shows of a document at first."""
        return {
            "title": document.title,
            "authors": "\n".join(document.authors),
            "year": document.year,
            "chosen_domains": document.chosen_domains,
        }
