"""The dashboard's pages about people: never anything that was said.

Administrators see and change their own organization, coaches see the educators of their teams, staff who
run the installation see every organization.
"""

from typing import Any, ClassVar

import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin
import django.contrib.auth.admin
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from typing_extensions import override
from unfold.admin import TabularInline
from unfold.decorators import action

from accounts import access, people, quotas, seats, second_factor, teams
from accounts.dashboard import ReadOnly, member_of
from accounts.entry_models import Invitation
from accounts.forms import LIMITS, OrganizationForm, PersonForm, TeamForm
from accounts.invitation_admin import InvitationAdmin
from accounts.models import AuditEvent, Organization, Team, TeamMembership, User
from accounts.record_admin import RecordAdmin
from accounts.roles import Role
from accounts.sso import linking

for module, model in (
    (allauth.account.admin, EmailAddress),
    (allauth.mfa.admin, Authenticator),
    (allauth.socialaccount.admin, SocialAccount),
    (allauth.socialaccount.admin, SocialApp),
    (allauth.socialaccount.admin, SocialToken),
    (django.contrib.auth.admin, Group),
):
    # An address, an identity or a group given here would open an account by a side door.
    if module and admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class PersonAdmin(ReadOnly):
    """People: added by administrators, deactivated rather than deleted."""

    form = PersonForm
    list_display = ("name", "email", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("name", "email")
    ordering = ("name",)
    actions = ("send_password_links", "turn_off_second_factors", "sign_out_everywhere")
    actions_detail: ClassVar = ["erase_account"]

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the member coaches somebody or administers."""
        return member_of(request).is_coach

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the member may add people."""
        return member_of(request).is_admin

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the member administers this person's organization."""
        member = member_of(request)
        return member.is_admin if obj is None else access.administers(member, obj.organization_id)

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the people whom the member may see."""
        member = member_of(request)
        return (
            super().get_queryset(request)
            if member.is_superuser
            else access.visible_people(member).order_by("name")
        )

    @override
    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Refuse an address that asks for password hashes: the length of the list would spell them out."""
        allowed: bool = super().lookup_allowed(lookup, value, request)
        return allowed and not lookup.startswith("password")

    @override
    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the fields of the form; staff say to which organization a new person belongs."""
        if obj is None and member_of(request).is_superuser:
            return ("organization", "name", "email", "role")
        return (
            ("name", "email", "role") if obj is None else ("name", "email", "role", "is_active", "last_login")
        )

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what cannot be changed: the address of somebody who has signed in is one."""
        if obj is None or people.may_change_email(obj):
            return ("last_login",)
        return ("email", "last_login")

    @override
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form; staff must name the organization of a new person."""
        form = super().get_form(request, obj, change, **kwargs)
        if "organization" in form.base_fields:
            form.base_fields["organization"].required = True
        return form

    @override
    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Add or change the person through the use cases."""
        member = member_of(request)
        if change:
            people.change_person(actor=member, person=obj, changed=form.changed_data, request=request)
            return
        if not member.is_superuser:
            obj.organization = access.organization_of(member)
        people.add_person(actor=member, person=obj, request=request)
        if not people.send_password_link(actor=member, person=obj, request=request):
            advice = linking.obstacle(obj.organization) or linking.way_in(str(obj.email))
            self.message_user(request, f"No mail was sent. {advice}", messages.WARNING)

    @override
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save the form; two administrators who take away each other get a message."""
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except people.LastAdministrator:
            self.message_user(request, "An organization needs one active administrator.", messages.ERROR)
            return HttpResponseRedirect(request.path)
        except people.AddressTaken:
            self.message_user(request, "Somebody has an account with this address.", messages.ERROR)
            return HttpResponseRedirect(request.path)
        except seats.NoSeatLeft as full:
            self.message_user(request, str(full), messages.ERROR)
            return HttpResponseRedirect(request.path)
        return response

    def has_password_link_permission(self, request: HttpRequest) -> bool:
        """Return whether the member administers people, and passwords open something."""
        return settings.PASSWORD_SIGN_IN and self.has_change_permission(request)

    @admin.action(description="Send a link to choose a password", permissions=["password_link"])
    def send_password_links(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Mail each chosen person a link to choose a password; say how many were, and why the rest were not."""
        chosen = list(queryset)
        sent = sum(
            person.is_active
            and people.send_password_link(actor=member_of(request), person=person, request=request)
            for person in chosen
        )
        self.message_user(request, f"Links sent: {sent}.", messages.SUCCESS if sent else messages.WARNING)
        if left_out := len(chosen) - sent:
            why = "they are deactivated, have no address, or sign in with Google or Clever"
            self.message_user(request, f"Left out, because {why}: {left_out}.")

    @admin.action(description="Turn off the second factor of somebody who lost it", permissions=["change"])
    def turn_off_second_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let each chosen person sign in with the password alone again."""
        member = member_of(request)
        had_one = [
            second_factor.turn_off_for(actor=member, person=person, request=request) for person in queryset
        ]
        self.message_user(request, f"Second factors turned off: {sum(had_one)}.", messages.SUCCESS)

    @admin.action(description="Sign out everywhere and revoke API keys", permissions=["change"])
    def sign_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """End what each chosen person has open, such as somebody whose laptop was stolen; oneself, under Settings."""
        member = member_of(request)
        ended = [
            people.sign_out_everywhere(actor=member, person=person, now=timezone.now(), request=request)
            for person in queryset.exclude(pk=member.pk)
        ]
        places, keys = sum(each.sessions for each in ended), sum(each.keys for each in ended)
        self.message_user(request, f"Sessions ended: {places}. API keys revoked: {keys}.", messages.SUCCESS)

    @action(description="Erase account", url_path="erase-account", permissions=["erase"])
    def erase_account(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the page that says what an erasure takes, and asks for it."""
        return HttpResponseRedirect(reverse("erase_person", args=[object_id]))

    def has_erase_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Return whether the member may have people erased."""
        return member_of(request).is_admin


class MembershipInline(TabularInline):  # type: ignore[misc]  # Unfold has no types
    """The educators of a team."""

    model = TeamMembership
    extra = 1
    verbose_name = "member"

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the member may see teams."""
        return member_of(request).is_coach

    def _administers(self, request: HttpRequest, _obj: Any = None) -> bool:
        member = member_of(request)
        return member.is_admin and member.organization_id is not None

    has_add_permission = has_change_permission = has_delete_permission = _administers

    @override
    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer the educators of the organization."""
        if db_field.name == "member":
            kwargs["queryset"] = (
                access.visible_people(member_of(request)).filter(role=Role.EDUCATOR).order_by("name")
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Team)
class TeamAdmin(ReadOnly):
    """Teams: an administrator says who coaches whom."""

    form = TeamForm
    list_display = ("name", "coach")
    search_fields = ("name", "coach__name")
    ordering = ("name",)
    inlines: ClassVar = [MembershipInline]

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the member may see teams."""
        return member_of(request).is_coach

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the member administers an organization."""
        member = member_of(request)
        return member.is_admin and member.organization_id is not None

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the member administers the team's organization."""
        member = member_of(request)
        return self.has_add_permission(request) and (
            obj is None or obj.organization_id == member.organization_id
        )

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Return the teams that the member may see."""
        member = member_of(request)
        teams = super().get_queryset(request) if member.is_superuser else access.visible_teams(member)
        return teams.select_related("coach").order_by("name")

    @override
    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer the active coaches of the organization."""
        if db_field.name == "coach":
            kwargs["queryset"] = access.active_coaches(member_of(request)).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @override
    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        """Save the team in the member's own organization."""
        if not change:
            obj.organization = access.organization_of(member_of(request))
            obj.save()
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)
        form.members_before = teams.members_of(obj)

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the members, and record the change as a whole."""
        super().save_related(request, form, formsets, change)
        changed = [*form.changed_data, *(["members"] if any(each.has_changed() for each in formsets) else [])]
        teams.note_change(
            actor=member_of(request),
            team=form.instance,
            is_new=not change,
            changed=changed,
            before=form.members_before,
            now=timezone.now(),
            request=request,
        )


@admin.register(Organization)
class OrganizationAdmin(ReadOnly):
    """An organization's own settings; staff add organizations and set their tier."""

    form = OrganizationForm
    list_display = ("name", "kind", "tier", "response_minutes")

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether this is staff."""
        return member_of(request).is_superuser

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the member administers this organization."""
        member = member_of(request)
        return member.is_superuser or (member.is_admin and obj in {None, member.organization})

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        """Return the member's organization; all of them for staff."""
        member = member_of(request)
        organizations: QuerySet[Organization] = super().get_queryset(request)
        return organizations if member.is_superuser else organizations.filter(members=member)

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what is counted; for everybody but staff the tier, its limits and the district, claimed by its id."""
        counted = ("seats_used", "messages_this_month") if obj else ()
        return (
            counted if member_of(request).is_superuser else ("tier", "clever_district_id", *LIMITS, *counted)
        )

    @admin.display(description="Seats")
    def seats_used(self, organization: Organization) -> str:
        """Return how many seats are used and promised, of how many."""
        found = seats.seats_of(organization, now=timezone.now())
        allowed = "no limit" if found.allowed is None else f"{found.allowed} in all"
        return f"{found.used} used, {found.promised} promised to people who are invited, {allowed}"

    @admin.display(description="Messages to the AI this month")
    def messages_this_month(self, organization: Organization) -> str:
        """Return how much of the monthly messages is used."""
        month = quotas.month_of(organization, now=timezone.now())
        return f"{month.messages:,}" if month.limit is None else f"{month.messages:,} of {month.limit:,}"

    @override
    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        """Save the settings through the use case."""
        if not change:
            obj.save(force_insert=True)
        people.change_organization(
            actor=member_of(request), organization=obj, changed=form.changed_data, request=request
        )


admin.site.register(AuditEvent, RecordAdmin)
admin.site.register(Invitation, InvitationAdmin)
