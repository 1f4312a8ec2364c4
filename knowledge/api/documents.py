"""The library in the API: add documents, watch how far they are, delete them."""

from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from accounts.access import organization_of
from accounts.api_envelope import Answer
from accounts.api_errors import Problem
from accounts.api_operations import Operation, Said
from accounts.api_paging import PageQuery, PageShape, page_of, split
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from coaching.providers.ports import ProviderError
from knowledge import access, library, room, shelf
from knowledge.forms import BUSY_PROVIDER, LARGEST_MB, OWN, SHARED
from knowledge.models import Document, DocumentVersion

AGAIN_SECONDS = 60
"""When to come again after the provider did not answer."""

KEEPERS = [(SHARED, "Everybody in the organization"), (OWN, "The coach's own clients")]


class ProgressShape(serializers.Serializer[Any]):
    """How far a document is."""

    label = serializers.CharField()  # type: ignore[assignment]  # every field has a `label` of its own
    detail = serializers.CharField()
    percent = serializers.IntegerField()


class ExplanationShape(serializers.Serializer[Any]):
    """Why a document cannot be read, and what to do."""

    happened = serializers.CharField()
    next_step = serializers.CharField()


class DocumentShape(serializers.Serializer[Any]):
    """A document, with the state of its latest version; made from an `Entry` of the shelf."""

    id = serializers.UUIDField(source="document.pk")
    title = serializers.CharField(source="document.title")
    authors = serializers.ListField(child=serializers.CharField(), source="document.authors")
    year = serializers.IntegerField(source="document.year", allow_null=True)
    chosen_domains = serializers.ListField(
        child=serializers.CharField(),
        source="document.chosen_domains",
        help_text="Chosen by a person; empty: the text of each passage decides.",
    )
    keeper = serializers.SerializerMethodField()
    filename = serializers.CharField(source="latest.filename")
    version = serializers.IntegerField(source="latest.number")
    state = serializers.ChoiceField(choices=DocumentVersion.State.choices, source="latest.state")
    is_found = serializers.SerializerMethodField(help_text="Whether searches find a version of it.")
    progress = ProgressShape()
    explanation = ExplanationShape(allow_null=True)
    notices = serializers.ListField(child=serializers.CharField())
    passages = serializers.IntegerField()
    may_change = serializers.BooleanField()
    created_at = serializers.DateTimeField(source="document.created_at")

    @extend_schema_field(serializers.ChoiceField(choices=KEEPERS))
    def get_keeper(self, entry: shelf.Entry) -> str:
        """Return who may look things up in it."""
        return SHARED if entry.document.coach_id is None else OWN

    def get_is_found(self, entry: shelf.Entry) -> bool:
        """Return whether there is a live version."""
        return entry.live is not None


class DocumentPage(PageShape):
    """A page of documents."""

    documents = DocumentShape(many=True)


class NewFile(StrictSerializer):
    """A file."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)

    def validate_file(self, file: "UploadedFile[bytes]") -> "UploadedFile[bytes]":
        """Refuse a file that is too large.

        Raises:
            Problem: it is.
        """
        if (file.size or 0) > LARGEST_MB * 1024 * 1024:
            raise Problem(413, f"The file is larger than {LARGEST_MB} MB. Split it into parts.")
        return file


class NewDocument(NewFile):
    """A file for the library."""

    keeper = serializers.ChoiceField(choices=KEEPERS, default=SHARED)
    title = serializers.CharField(max_length=300, required=False, allow_blank=True)


class DocumentChange(StrictSerializer):
    """What can be changed about a document; what is not named stays."""

    title = serializers.CharField(max_length=300, required=False)
    authors = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=50
    )
    year = serializers.IntegerField(min_value=1000, max_value=2999, required=False, allow_null=True)
    chosen_domains = serializers.ListField(
        child=serializers.CharField(max_length=40),
        required=False,
        max_length=50,
        help_text="Of `GET /api/v1/domains`; they replace the tags of its passages. None: the text decides.",
    )


def no_room(full: room.LibraryFull) -> Problem:
    """Return the refusal of a file for which there is no room."""
    return Problem(413, str(full), details={"reason": "library_full"})


class Documents(Operation):
    """The library."""

    needs = {"GET": Scope.DOCUMENTS, "POST": Scope.DOCUMENTS}
    parser_classes = (MultiPartParser,)

    @extend_schema(tags=["library"], parameters=[PageQuery], responses=DocumentPage)
    def get(self, _request: Request) -> Answer:
        """List the documents that you may see, the newest first; `meta.room` says what the library's files may take."""
        page, _ = split(self.query(PageQuery))
        listed = page_of(access.readable_documents(self.member), by="created_at", **page)
        entries = shelf.entries(
            self.member, Document.objects.filter(pk__in=[document.pk for document in listed.rows])
        )
        values = {"documents": entries, "total": listed.total, "limit": listed.limit, "offset": listed.offset}
        taken = room.of(organization_of(self.member))
        meta = {"room": {"used_bytes": taken.used, "allowed_bytes": taken.allowed}}
        return self.answer(DocumentPage(values), meta={**listed.meta, **meta})

    @extend_schema(
        tags=["library"],
        request={"multipart/form-data": NewDocument},
        responses={201: DocumentShape, 200: DocumentShape},
    )
    def post(self, _request: Request) -> Answer:
        """Add a file and have it read; 200 when exactly this file was there before.

        413: it is too large, or, with the reason `library_full`, what your organization has takes all the room it may.
        """
        given = self.body(NewDocument)
        own = given["keeper"] == OWN
        try:
            added = library.add(
                shelf=library.Shelf(organization_of(self.member).pk, self.member.pk if own else None),
                filename=given["file"].name or "Untitled",
                content=given["file"],
                title=given.get("title", ""),
                now=timezone.now(),
                added_by_id=self.member.pk,
            )
        except room.LibraryFull as full:
            raise no_room(full) from None
        entry = shelf.entry(self.member, added.version.document_id)
        return self.answer(DocumentShape(entry), status=201 if added.is_new else 200)


class DocumentById(Operation):
    """One document."""

    needs = {"GET": Scope.DOCUMENTS, "PATCH": Scope.DOCUMENTS, "DELETE": Scope.DOCUMENTS}

    @extend_schema(tags=["library"], responses=DocumentShape)
    def get(self, _request: Request, document_id: UUID) -> Answer:
        """Say how far a document is, and what to do when it cannot be read."""
        access.readable_document(self.member, document_id)
        return self.answer(DocumentShape(shelf.entry(self.member, document_id)))

    @extend_schema(tags=["library"], request=DocumentChange, responses=DocumentShape)
    def patch(self, _request: Request, document_id: UUID) -> Answer:
        """Change what is known about a document, or choose the domains of its passages."""
        found = access.writable_document(self.member, document_id)
        try:
            library.edit(document_id=found.pk, **self.body(DocumentChange))
        except library.UnknownDomain:
            raise serializers.ValidationError({"chosen_domains": ["There is no such domain."]}) from None
        except ProviderError:
            raise Problem(503, BUSY_PROVIDER, headers={"Retry-After": str(AGAIN_SECONDS)}) from None
        return self.answer(DocumentShape(shelf.entry(self.member, found.pk)))

    @extend_schema(tags=["library"], request=None, responses={200: Said})
    def delete(self, _request: Request, document_id: UUID) -> Answer:
        """Delete a document with everything that was found in it; this cannot be undone."""
        found = access.writable_document(self.member, document_id)
        library.delete(document_id=found.pk, deleted_by=self.member)
        return Answer({"message": "Document deleted successfully"})
