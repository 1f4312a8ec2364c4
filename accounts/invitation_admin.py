"""Invitations in the dashboard: invite, see what is pending, send again, withdraw."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from typing_extensions import override

from accounts import access, invitations, seats
from accounts.dashboard import ReadOnly, member_of
from accounts.entry_models import Invitation, OutgoingMail
from accounts.forms import InvitationForm
from accounts.sso import linking

REFUSALS: dict[type[Exception], str] = {
    invitations.AlreadyHere: "This person already belongs to the organization.",
    invitations.AlreadyInvited: "An invitation to this address is pending. Send it again, or withdraw it first.",
}


class InvitationAdmin(ReadOnly):
    """Invitations: each is changed by sending it again or withdrawing it, never by hand."""

    form = InvitationForm
    list_display = ("email", "role", "team", "standing", "mail", "invited_by", "expires_at")
    list_filter = ("state", "role")
    search_fields = ("email",)
    ordering = ("-created_at",)
    actions = ("send_again", "withdraw")
    list_select_related = ("team", "invited_by")
    readonly_fields: ClassVar = ("standing", "mail", "invited_by", "person", "created_at", "expires_at")

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the member administers an organization or the installation."""
        return self.has_view_permission(request)

    def has_invite_permission(self, request: HttpRequest) -> bool:
        """Return the same for the two actions."""
        return self.has_view_permission(request)

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        """Return the member's invitations, each with the state of its last mail."""
        return invitations.listed(member_of(request))

    @override
    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the fields of the form; staff say into which organization."""
        if obj is not None:
            return ("email", "role", "team", *self.readonly_fields)
        return (
            ("organization", "email", "role")
            if member_of(request).is_superuser
            else ("email", "role", "team")
        )

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what is shown of an invitation that exists; a new one is all form."""
        return () if obj is None else self.readonly_fields

    @override
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form; staff must name the organization."""
        form = super().get_form(request, obj, change, **kwargs)
        if "organization" in form.base_fields:
            form.base_fields["organization"].required = True
        return form

    @override
    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer the teams of the organization."""
        if db_field.name == "team":
            kwargs["queryset"] = access.visible_teams(member_of(request)).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @override
    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """Invite through the use case."""
        member = member_of(request)
        organization = obj.organization if member.is_superuser else access.organization_of(member)
        saved = invitations.invite(
            actor=member,
            organization=organization,
            email=obj.email,
            role=obj.role,
            team=obj.team,
            now=timezone.now(),
            request=request,
        )
        obj.pk, obj.organization = saved.pk, organization
        if told := linking.obstacle(organization):
            self.message_user(request, told, messages.WARNING)

    @override
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save the form; what cannot be is explained."""
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        except (invitations.AlreadyHere, invitations.AlreadyInvited, seats.NoSeatLeft) as refused:
            self.message_user(request, REFUSALS.get(type(refused), str(refused)), messages.ERROR)
            return HttpResponseRedirect(request.path)
        return response

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list under what the organization has of its seats, and what would keep newcomers out."""
        organization = member_of(request).organization
        shown = {
            "seats": seats.seats_of(organization, now=timezone.now()) if organization else None,
            "obstacle": linking.obstacle(organization),
        }
        listed: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **shown})
        return listed

    list_before_template = "admin/accounts/seats.html"

    @admin.display(description="State")
    def standing(self, invitation: Invitation) -> str:
        """Return how things stand: a pending one may have expired, or its inviter may not invite any more."""
        if invitation.state != Invitation.State.PENDING:
            return invitation.get_state_display()
        if invitation.expires_at <= timezone.now():
            return "Expired"
        inviter = invitation.invited_by
        may_invite = inviter is not None and inviter.is_active and (inviter.is_admin or inviter.is_superuser)
        return "Pending" if may_invite else "Closed with its inviter: send it again"

    @admin.display(description="Mail")
    def mail(self, invitation: Any) -> str:
        """Return how far the last mail is."""
        return str(OutgoingMail.State(invitation.mail_state).label) if invitation.mail_state else "None"

    @admin.action(description="Send again, with a new link", permissions=["invite"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Send each chosen invitation that is pending again."""
        self._each(
            request,
            queryset,
            lambda chosen: invitations.send_again(
                actor=member_of(request), invitation_id=chosen.pk, now=timezone.now(), request=request
            ),
            "Sent again",
        )

    @admin.action(description="Withdraw: the link opens nothing any more", permissions=["invite"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        """Take each chosen invitation that is pending back."""
        self._each(
            request,
            queryset,
            lambda chosen: invitations.withdraw(
                actor=member_of(request), invitation_id=chosen.pk, request=request
            ),
            "Withdrawn",
        )

    def _each(
        self,
        request: HttpRequest,
        chosen: QuerySet[Invitation],
        act: Callable[[Invitation], object],
        done: str,
    ) -> None:
        """Act on each; say how many were, and why the rest were not."""
        count, skipped = 0, 0
        for invitation in chosen:
            try:
                act(invitation)
            except access.NotVisible:
                skipped += 1
            except seats.NoSeatLeft as full:
                self.message_user(request, str(full), messages.ERROR)
                break
            else:
                count += 1
        self.message_user(request, f"{done}: {count}.", messages.SUCCESS if count else messages.WARNING)
        if skipped:
            self.message_user(request, f"Left as they are, because they are not pending: {skipped}.")
