"""The addresses of accounts alone, so that its tests stand without the floors above."""

from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from accounts import access
from accounts.http import MemberRequest, member_required


@member_required
def home(request: MemberRequest) -> HttpResponse:
    """Stand in for the list of conversations."""
    return render(request, "base.html")


@member_required
def person(request: MemberRequest, person_id: str) -> HttpResponse:
    """Show a person's name to whoever may see them."""
    return HttpResponse(access.visible_member(request.user, UUID(person_id)).name)


def fail(_request: HttpRequest) -> HttpResponse:
    """Fail as a bug would."""
    raise ZeroDivisionError


urlpatterns = [
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("people/<str:person_id>/", person),
    path("fail/", fail),
    path("", home),
]
