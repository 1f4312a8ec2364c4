"""The versions of a document in the API: replace it, stop and go on reading it, see what answers can quote from it."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from accounts.api_envelope import Answer
from accounts.api_errors import Problem
from accounts.api_operations import Operation
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from knowledge import access, library, room, shelf
from knowledge.api.documents import DocumentShape, NewFile, no_room
from knowledge.models import DocumentVersion, Domain, Passage


class VersionShape(serializers.ModelSerializer[DocumentVersion]):
    """The bytes of a document at one time."""

    is_found = serializers.BooleanField(source="live", help_text="Whether searches find this version.")

    class Meta:
        model = DocumentVersion
        fields = ("number", "filename", "size", "state", "is_found", "created_at")


class VersionList(serializers.Serializer[Any]):
    """The versions of a document, the latest first."""

    versions = VersionShape(many=True)


class Versions(Operation):
    """The versions of a document."""

    needs = {"GET": Scope.DOCUMENTS, "POST": Scope.DOCUMENTS}
    parser_classes = (MultiPartParser,)

    @extend_schema(tags=["library"], responses=VersionList)
    def get(self, _request: Request, document_id: UUID) -> Answer:
        """List the versions of a document, the latest first."""
        found = access.readable_document(self.member, document_id)
        return self.answer(VersionList({"versions": found.versions.order_by("-number")}))

    @extend_schema(
        tags=["library"],
        request={"multipart/form-data": NewFile},
        responses={201: DocumentShape, 200: DocumentShape},
    )
    def post(self, _request: Request, document_id: UUID) -> Answer:
        """Replace a document by a changed file; until that is read, searches find the old one, and so do old answers.

        200 when it has had exactly this file before. 409 `already_in_library`: another document has it.
        """
        found = access.writable_document(self.member, document_id)
        file = self.body(NewFile)["file"]
        try:
            added = library.replace(
                document_id=found.pk, filename=file.name or "Untitled", content=file, now=timezone.now()
            )
        except library.AlreadyInLibrary as already:
            message = f"This file is already in the library, as {already.document.title}."
            details = {"reason": "already_in_library", "document_id": str(already.document.pk)}
            raise Problem(409, message, details=details) from None
        except room.LibraryFull as full:
            raise no_room(full) from None
        shown = DocumentShape(shelf.entry(self.member, found.pk))
        return self.answer(shown, status=201 if added.is_new else 200)


class DocumentCancel(Operation):
    """The end of reading a document."""

    needs = {"POST": Scope.DOCUMENTS}

    @extend_schema(tags=["library"], request=None, responses=DocumentShape)
    def post(self, _request: Request, document_id: UUID) -> Answer:
        """Stop reading the latest version; one that is finished stays as it is."""
        library.cancel(version_id=access.latest_version(self.member, document_id).pk)
        return self.answer(DocumentShape(shelf.entry(self.member, document_id)))


class DocumentRetry(Operation):
    """Another attempt to read a document."""

    needs = {"POST": Scope.DOCUMENTS}

    @extend_schema(tags=["library"], request=None, responses=DocumentShape)
    def post(self, _request: Request, document_id: UUID) -> Answer:
        """Go on with the latest version where it failed or was stopped; any other stays as it is."""
        library.retry(version_id=access.latest_version(self.member, document_id).pk)
        return self.answer(DocumentShape(shelf.entry(self.member, document_id)))


class PassagesQuery(StrictSerializer):
    """Which passages are wanted."""

    version = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        help_text="Its number; without one, the version that searches find, else the latest.",
    )
    after = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False, help_text="Only passages beyond this place."
    )
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20)


class PreviewShape(serializers.ModelSerializer[Passage]):
    """A piece of a version that answers can quote; `context` holds the request and the document's id."""

    place = serializers.IntegerField(source="ordinal", help_text="In the version, from 0.")
    heading = serializers.CharField(help_text="Chapter and headings.")
    page = serializers.CharField(source="page_label", help_text="As printed; empty where there are no pages.")
    last_page = serializers.CharField(source="page_label_end")
    tokens = serializers.IntegerField(source="token_count")
    url = serializers.SerializerMethodField(help_text="The page that it stands on.")

    class Meta:
        model = Passage
        fields = (
            *("id", "place", "text", "heading", "page", "last_page", "domains", "tokens"),
            *("speaker", "start_seconds", "url"),
        )

    def get_url(self, passage: Passage) -> str:
        """Return the address of the page."""
        place = [self.context["document_id"], passage.version_id, passage.page_index or 0]
        address = f"{reverse('knowledge:page', args=place)}?passage={passage.pk}"
        url: str = self.context["request"].build_absolute_uri(address)
        return url


class PreviewPage(serializers.Serializer[Any]):
    """Passages of one version, in order."""

    version = serializers.IntegerField()
    passages = PreviewShape(many=True)


class Passages(Operation):
    """What answers can quote from a document."""

    needs = {"GET": Scope.DOCUMENTS}

    @extend_schema(tags=["library"], parameters=[PassagesQuery], responses=PreviewPage)
    def get(self, _request: Request, document_id: UUID) -> Answer:
        """List the passages of a document in order; `meta.next_after` says where the next page begins."""
        wanted = self.query(PassagesQuery)
        access.readable_document(self.member, document_id)
        version = shelf.version_of(shelf.entry(self.member, document_id), wanted.get("version"))
        listed = shelf.preview(version)
        if "after" in wanted:
            listed = listed.filter(ordinal__gt=wanted["after"])
        rows = list(listed[: wanted["limit"] + 1])
        shown, more = rows[: wanted["limit"]], len(rows) > wanted["limit"]
        context = {"request": self.django_request, "document_id": document_id}
        shape = PreviewPage({"version": version.number, "passages": shown}, context=context)
        return self.answer(shape, meta={"next_after": shown[-1].ordinal if more else None})


class DomainShape(serializers.ModelSerializer[Domain]):
    """A field of coaching."""

    class Meta:
        model = Domain
        fields = ("slug", "name", "description")


class DomainList(serializers.Serializer[Any]):
    """The fields of coaching, by name."""

    domains = DomainShape(many=True)


class Domains(Operation):
    """The fields of coaching."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["library"], responses=DomainList)
    def get(self, _request: Request) -> Answer:
        """List the fields of coaching, under which passages and answers are filed."""
        return self.answer(DomainList({"domains": Domain.objects.order_by("name")}))
