"""The record's place in the dashboard; its list is in `record_pages`."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from typing_extensions import override

from accounts import record, record_pages
from accounts.dashboard import ReadOnly, member_of
from accounts.models import AuditEvent


class RecordAdmin(ReadOnly):
    """The record of sensitive acts, to read only."""

    @override
    def get_urls(self) -> list[URLPattern]:
        """Return the pages of the record before the generated ones."""
        verify = self.admin_site.admin_view(self.verify)
        own = path("verify/", verify, name="accounts_auditevent_verify")
        generated: list[URLPattern] = super().get_urls()
        return [own, *generated]

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        """Return the events that the member may see."""
        return record.visible_events(member_of(request))

    @override
    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> AuditEvent | None:
        """Return the event as it may be shown."""
        event = super().get_object(request, object_id, from_field)
        return None if event is None else record.veiled(event)

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Show the record's own list to those whom it is for."""
        return self._for_administrators(record_pages.events, request)

    def verify(self, request: HttpRequest) -> HttpResponseBase:
        """Have the record verified, by those whom it is for."""
        return self._for_administrators(record_pages.verify, request)

    def _for_administrators(self, page: Any, request: HttpRequest) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        answer: HttpResponseBase = page(request)
        return answer
