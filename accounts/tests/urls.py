"""The addresses of accounts alone, so that its tests stand without the floors above."""

from pathlib import Path
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import engines
from django.urls import include, path

from accounts import access
from accounts.api import invitations, organization, own, people, record, signing_in
from accounts.http import MemberRequest, member_required


@member_required
def home(request: MemberRequest) -> HttpResponse:
    """Stand in for the list of conversations."""
    return render(request, "base.html")


@member_required
def person(request: MemberRequest, person_id: str) -> HttpResponse:
    """Show a person's name to whoever may see them."""
    return HttpResponse(access.visible_member(request.user, UUID(person_id)).name)


def gallery(request: HttpRequest) -> HttpResponse:
    """Show every part of the design system once."""
    page = (Path(__file__).parent / "gallery.html").read_text(encoding="utf-8")
    return HttpResponse(engines["django"].from_string(page).render({}, request))


def fail(_request: HttpRequest) -> HttpResponse:
    """Fail as a bug would."""
    raise ZeroDivisionError


API = "api/v1/"

urlpatterns = [
    path("", include("accounts.urls")),
    path(API + "auth/me", own.Me.as_view()),
    path(API + "auth/google", signing_in.ToGoogle.as_view()),
    path(API + "auth/clever", signing_in.ToClever.as_view()),
    path(API + "auth/refresh", signing_in.Refresh.as_view()),
    path(API + "auth/logout", own.Logout.as_view()),
    path(API + "auth/sessions", own.Sessions.as_view()),
    path(API + "auth/sessions/<uuid:signed_in_id>", own.SessionById.as_view()),
    path(API + "auth/keys", own.Keys.as_view()),
    path(API + "auth/keys/<uuid:token_id>", own.KeyById.as_view()),
    path(API + "quotas", own.Quotas.as_view()),
    path(API + "teams", organization.Teams.as_view()),
    path(API + "admin/users", people.People.as_view()),
    path(API + "admin/users/<uuid:person_id>", people.Person.as_view()),
    path(API + "admin/users/<uuid:person_id>/password-link", people.PersonPasswordLink.as_view()),
    path(API + "admin/invitations", invitations.Invitations.as_view()),
    path(API + "admin/invitations/<uuid:invitation_id>", invitations.InvitationById.as_view()),
    path(
        API + "admin/invitations/<uuid:invitation_id>/send-again", invitations.InvitationSendAgain.as_view()
    ),
    path(API + "admin/organization", organization.OrganizationSettings.as_view()),
    path(API + "admin/teams", organization.OrganizationTeams.as_view()),
    path(API + "admin/teams/<uuid:team_id>", organization.OrganizationTeamById.as_view()),
    path(API + "admin/domains", organization.OrganizationDomains.as_view()),
    path(API + "admin/domains/<uuid:domain_id>", organization.OrganizationDomainById.as_view()),
    path(API + "admin/record", record.Record.as_view()),
    path(API + "admin/record/check", record.RecordCheck.as_view()),
    path("admin/", admin.site.urls),
    path("people/<str:person_id>/", person),
    path("gallery/", gallery),
    path("fail/", fail),
    path("", home),
]
