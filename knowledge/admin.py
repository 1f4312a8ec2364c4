"""The library's place in the dashboard; its pages are in `library_pages`."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path
from typing_extensions import override

from accounts.dashboard import ReadOnly
from accounts.models import User
from knowledge import library_pages
from knowledge.models import Document


@admin.register(Document)
class DocumentAdmin(ReadOnly):
    """Lists the library for coaches and administrators; documents come in as files, and each page asks the gate itself."""

    @override
    def get_urls(self) -> list[URLPattern]:
        """Return the library's own pages instead of the generated ones."""
        return [
            path("", self._page(library_pages.documents), name="knowledge_document_changelist"),
            path("upload/", self._page(library_pages.upload), name="knowledge_document_upload"),
            *(
                path(f"<uuid:document_id>/{verb}/", self._page(page), name=f"knowledge_document_{verb}")
                for verb, page in {
                    "change": library_pages.document,
                    "state": library_pages.state,
                    "replace": library_pages.replace,
                    "cancel": library_pages.cancel,
                    "retry": library_pages.retry,
                    "delete": library_pages.delete,
                }.items()
            ),
        ]

    def _page(self, view: Any) -> Any:
        return self.admin_site.admin_view(view)

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether this is a coach or administrator of an organization."""
        return (
            isinstance(request.user, User)
            and request.user.is_coach
            and request.user.organization_id is not None
        )
