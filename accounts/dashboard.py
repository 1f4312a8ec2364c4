"""What pages of the dashboard begin with: who uses it, what is around them, and that nothing can be changed.

Whatever they do change is on record (`audit.py`), by id. Django's own log of the dashboard is not written: its rows
would keep names and addresses beyond every erasure, and show them to whoever sees the page of a thing.
"""

from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from typing_extensions import override
from unfold.admin import ModelAdmin

from accounts import access
from accounts.models import User


def member_of(request: HttpRequest) -> User:
    """Return who uses the dashboard.

    Raises:
        NotVisible: nobody is signed in.
    """
    if not isinstance(request.user, User):
        raise access.NotVisible
    return request.user


def context_of(request: HttpRequest, **values: Any) -> dict[str, Any]:
    """Return the context of a page that lives inside the dashboard."""
    return {**admin.site.each_context(request), **values}


class ReadOnly(ModelAdmin):  # type: ignore[misc]  # Unfold has no types
    """Nobody adds, changes or deletes anything, unless a page says otherwise."""

    @override
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list.

        Raises:
            BadRequest: it is to be filtered by a text with a NUL: none has one, and PostgreSQL takes none.
        """
        if any("\0" in value for name in request.GET for value in request.GET.getlist(name)):
            raise BadRequest
        return super().changelist_view(request, extra_context)

    @override
    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the page is listed."""
        return self.has_view_permission(request)

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the member administers an organization or the installation."""
        return member_of(request).is_admin

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return no."""
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return no."""
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return no."""
        return False

    @override
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write nothing: the record has it."""

    @override
    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write nothing: the record has it."""

    @override
    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Write nothing: the record has it."""

    @override
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show nothing of what an earlier version wrote down.

        Raises:
            NotVisible: always.
        """
        raise access.NotVisible
