"""Exports: begin one, watch it, fetch its files, delete it; and one conversation as Markdown at once."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts import days, quota_answers, quotas
from accounts.api_authentication import may_change, refuse_about_others
from accounts.api_envelope import Answer
from accounts.api_errors import Problem, conflict
from accounts.api_operations import Operation, Said
from accounts.api_parsing import StrictSerializer
from accounts.scopes import Scope
from conversations import access, exports, exports_markdown, tasks
from conversations.downloads import attachment
from conversations.outward import Export

MEANT = (
    "There is no such file at hand. To have it made, send POST: with a key that may write, or from a page with the header "
    "X-CSRFToken."
)
"""Why a link alone begins nothing."""


class _Wanted(StrictSerializer):
    """In which form something is wanted, and of which days."""

    format = serializers.ChoiceField(
        choices=Export.Format.choices, default=Export.Format.CSV, source="file_format"
    )
    start_date = serializers.DateField(
        required=False,
        source="first_day",
        validators=[days.within_reach],
        help_text="What began, was said or given on this day or later.",
    )
    end_date = serializers.DateField(
        required=False,
        source="last_day",
        validators=[days.within_reach],
        help_text="The last such day; it is part of it.",
    )

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values.

        Raises:
            ValidationError: the last day comes before the first.
        """
        first, last = attrs.get("first_day"), attrs.get("last_day")
        if first and last and last < first:
            raise serializers.ValidationError({"end_date": ["It comes before start_date."]})
        return attrs


class NewExport(_Wanted):
    """What is exported, and how."""

    kind = serializers.ChoiceField(
        choices=Export.Kind.choices, help_text="Feedback is for coaches, counts are for administrators."
    )


class AnalyticsExportQuery(_Wanted):
    """Which data are wanted."""

    type = serializers.ChoiceField(choices=exports.DATA)


class NewAnalyticsExport(AnalyticsExportQuery):
    """Which data are wanted, and begun where they are not at hand."""


class ExportFileShape(serializers.Serializer[Any]):
    """One file of an export; the manifest is the last."""

    name = serializers.CharField()
    rows = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Of the bytes of the file; empty for the manifest.")
    url = serializers.CharField(help_text="Asks again, each time, whether you may have it.")


class ExportShape(serializers.ModelSerializer[Export]):
    """An export; `context` holds the request."""

    start_date = serializers.DateField(
        source="first_day", allow_null=True, help_text="Null: from the beginning."
    )
    end_date = serializers.DateField(source="last_day", allow_null=True, help_text="Null: until it is made.")
    files = serializers.SerializerMethodField(help_text="Empty until the export is ready.")
    expires_at = serializers.DateTimeField(
        source="fetchable_until", allow_null=True, help_text="Until when the files can be fetched."
    )

    class Meta:
        model = Export
        fields = (
            *("id", "kind", "format", "start_date", "end_date", "state", "done_rows", "total_rows"),
            *("files", "created_at", "finished_at", "expires_at"),
        )

    @extend_schema_field(ExportFileShape(many=True))
    def get_files(self, export: Export) -> list[dict[str, Any]]:
        """Return what can be fetched, without where it is stored."""
        return [
            {name: file[name] for name in ("name", "rows", "sha256")}
            | {"url": address_of(export, file["name"], self.context["request"])}
            for file in export.files
        ]


def address_of(export: Export, name: str, request: HttpRequest) -> str:
    """Return where a file is fetched."""
    return request.build_absolute_uri(reverse("api:export_file", args=[export.pk, name]))


class ExportList(serializers.Serializer[Any]):
    """Your latest exports, the newest first."""

    exports = ExportShape(many=True)


class AnalyticsExportShape(serializers.Serializer[Any]):
    """Where the file with the data is; null while it is being made."""

    download_url = serializers.CharField(allow_null=True)
    expires_at = serializers.DateTimeField(source="export.fetchable_until", allow_null=True)
    export = ExportShape()


def refuse_other_peoples(request: Request, kind: str) -> None:
    """Refuse a key that does not open what an administrator sees of others.

    Raises:
        PermissionDenied: the export is about others, and the key has not the scope for them.
    """
    if kind != Export.Kind.OWN:
        refuse_about_others(request)


class _Exporting(Operation):
    """What begins exports."""

    def begun(self, wanted: exports.Wanted) -> Export:
        """Have an export made.

        Raises:
            NotVisible: the member may not have this kind.
            PermissionDenied: the key does not open it.
            Problem: it cannot be begun now; the headers say when it can, where waiting helps.
        """
        refuse_other_peoples(self.request, wanted.kind)
        try:
            export = exports.ask(
                member=self.member, wanted=wanted, now=timezone.now(), request=self.django_request
            )
        except exports.OneAtATime:
            message = "Another export of yours is being made. Begin the next when it is ready."
            raise conflict("one_at_a_time", message) from None
        except quotas.UsedUp as refused:
            raise _problem_of(refused) from None
        tasks.nudge_export(export.pk)
        return export


def _problem_of(refused: quotas.UsedUp) -> Problem:
    """Return why nothing may be exported now, and when it may be."""
    status, reason = (503, "quota_unavailable") if refused.verdict.away else (429, "quota")
    return Problem(
        status,
        quota_answers.words_for_exports(refused),
        details={"reason": reason},
        headers=quotas.headers(refused.verdict),
    )


class Exports(_Exporting):
    """The exports of the member."""

    needs = {"GET": Scope.READ, "POST": Scope.WRITE}

    @extend_schema(tags=["exports"], responses=ExportList)
    def get(self, _request: Request) -> Answer:
        """List your latest exports."""
        context = {"request": self.django_request}
        return self.answer(ExportList({"exports": exports.listed(self.member)}, context=context))

    @extend_schema(tags=["exports"], request=NewExport, responses={201: ExportShape})
    def post(self, _request: Request) -> Answer:
        """Begin an export, of which there may be ten a day; once it is ready, its files are there for a day."""
        export = self.begun(exports.Wanted(**self.body(NewExport)))
        return self.answer(ExportShape(export, context={"request": self.django_request}), status=201)


class ExportById(Operation):
    """One export."""

    needs = {"GET": Scope.READ, "DELETE": Scope.WRITE}

    @extend_schema(tags=["exports"], responses=ExportShape)
    def get(self, _request: Request, export_id: UUID) -> Answer:
        """Say how far an export is, and where its files are."""
        export = access.own_export(self.member, export_id)
        return self.answer(ExportShape(export, context={"request": self.django_request}))

    @extend_schema(tags=["exports"], request=None, responses={200: Said})
    def delete(self, _request: Request, export_id: UUID) -> Answer:
        """Delete the files of an export now; one that is being made is given up."""
        exports.discard(member=self.member, export_id=export_id, now=timezone.now())
        return Answer({"message": "Export deleted successfully"})


class ExportFile(Operation):
    """One file of an export."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["exports"], responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, _request: Request, export_id: UUID, name: str) -> HttpResponseBase:
        """Fetch a file as it is, without an envelope, if all that is in it is still yours to read; that is on record."""
        refuse_other_peoples(self.request, access.own_export(self.member, export_id).kind)
        try:
            file = exports.fetch(
                member=self.member,
                export_id=export_id,
                name=name,
                now=timezone.now(),
                request=self.django_request,
            )
        except exports.NoLongerOpen:
            message = "What you may read has changed since, so the export is deleted. Begin it anew."
            raise conflict("no_longer_open", message) from None
        return attachment(file)


class AnalyticsExport(_Exporting):
    """The file of some data."""

    needs = {"GET": Scope.READ, "POST": Scope.WRITE}

    @extend_schema(
        tags=["analytics"],
        parameters=[AnalyticsExportQuery],
        responses={200: AnalyticsExportShape, 202: AnalyticsExportShape},
    )
    def get(self, request: Request) -> Answer:
        """Say where the newest file with the data is (200); where none is at hand, one is begun (202): ask again.

        Conversations and messages are your own, for an administrator their counts per day; feedback is that which you
        look after, or have given. What is made stays for a day; `POST /api/v1/exports` makes it anew before that.
        One is begun for a key with `write`, and for a script of a page; for anybody else `POST` does.
        """
        return self._answered(self.query(AnalyticsExportQuery), may_begin=may_change(request))

    @extend_schema(
        tags=["analytics"],
        request=NewAnalyticsExport,
        responses={200: AnalyticsExportShape, 202: AnalyticsExportShape},
    )
    def post(self, _request: Request) -> Answer:
        """Do as `GET` does, wherever you come from."""
        return self._answered(self.body(NewAnalyticsExport), may_begin=True)

    @override
    def saves_reply(self, _request: Request) -> bool:
        """Never: asked again it says how far it is, and begins no second one."""
        return False

    def _answered(self, asked: Mapping[str, Any], *, may_begin: bool) -> Answer:
        days = {name: value for name, value in asked.items() if name != "type"}
        kind, sheet = exports.sheet_of(self.member, asked["type"])
        wanted = exports.Wanted(kind, **days)
        refuse_other_peoples(self.request, kind)
        export = exports.at_hand(member=self.member, wanted=wanted, now=timezone.now())
        if export is None and not may_begin:
            raise Problem(403, MEANT)
        export = export or self.begun(wanted)
        ready = export.state == Export.State.READY
        url = address_of(export, f"{sheet}.{export.format}", self.django_request) if ready else None
        shape = AnalyticsExportShape(
            {"download_url": url, "export": export}, context={"request": self.django_request}
        )
        return self.answer(shape, status=200 if ready else 202)


class ConversationMarkdown(Operation):
    """One conversation as a file."""

    needs = {"GET": Scope.READ}

    @extend_schema(tags=["conversations"], responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, _request: Request, conversation_id: UUID) -> HttpResponseBase:
        """Fetch your conversation as Markdown, its sources as footnotes, without an envelope; that counts as an export."""
        try:
            file = exports_markdown.conversation_file(
                member=self.member, conversation_id=conversation_id, request=self.django_request
            )
        except quotas.UsedUp as refused:
            raise _problem_of(refused) from None
        return attachment(file)
