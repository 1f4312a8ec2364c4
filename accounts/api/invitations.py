"""For administrators: invite somebody, see who has not come yet, send an invitation again, withdraw it."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts import access, invitations, seats
from accounts.api_authentication import refuse_making_administrators
from accounts.api_envelope import Answer
from accounts.api_errors import conflict
from accounts.api_operations import Operation, Said
from accounts.api_paging import PageQuery, PageShape, page_of, split
from accounts.api_parsing import StrictSerializer
from accounts.entry_models import Invitation, OutgoingMail
from accounts.roles import Role
from accounts.scopes import Scope


class InvitationShape(serializers.ModelSerializer[Invitation]):
    """An invitation."""

    team_id = serializers.UUIDField(allow_null=True)
    invited_by = serializers.CharField(source="invited_by.name", default=None, allow_null=True)

    class Meta:
        model = Invitation
        fields: tuple[str, ...] = (
            *("id", "email", "role", "team_id", "state", "invited_by", "created_at", "expires_at"),
        )


class InvitationRow(InvitationShape):
    """An invitation in the list."""

    mail_state = serializers.ChoiceField(
        choices=OutgoingMail.State.choices, allow_null=True, help_text="How far its last mail is."
    )

    class Meta(InvitationShape.Meta):
        fields = (*InvitationShape.Meta.fields, "mail_state")


class InvitationPage(PageShape):
    """A page of invitations."""

    invitations = InvitationRow(many=True, source="rows")


class InvitationsQuery(PageQuery):
    """Which invitations are wanted."""

    state = serializers.ChoiceField(choices=Invitation.State.choices, required=False)


class NewInvitation(StrictSerializer):
    """Whom an administrator invites, and as what."""

    email = serializers.EmailField(
        max_length=254, help_text="The link goes there, and the account is for it."
    )
    role = serializers.ChoiceField(choices=Role.choices, default=Role.EDUCATOR)
    team_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="Whose coach they will have; only for educators."
    )

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values.

        Raises:
            ValidationError: a team was named for somebody who is not coached.
        """
        if attrs.get("team_id") and attrs["role"] != Role.EDUCATOR:
            raise serializers.ValidationError({"team_id": ["Only educators are members of a team."]})
        return attrs


class _Inviting(Operation):
    """What tells of an invitation."""

    tells_of_others = True

    def shown(self, invitation: Invitation, *, status: int = 200) -> Answer:
        """Answer with an invitation."""
        self.about = invitation.pk
        return self.answer(InvitationShape(invitation), status=status)

    @override
    def tell_again(self, about: UUID) -> Answer:
        """Show the invitation as it is now."""
        return self.shown(invitations.visible_invitation(self.member, about))


class Invitations(_Inviting):
    """The invitations of the organization."""

    needs = {"GET": Scope.ORGANIZATION, "POST": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], parameters=[InvitationsQuery], responses=InvitationPage)
    def get(self, _request: Request) -> Answer:
        """List the organization's invitations, the newest first."""
        page, wanted = split(self.query(InvitationsQuery))
        found = invitations.listed(self.member).filter(**wanted).select_related("invited_by")
        listed = page_of(found, by="created_at", **page)
        return self.answer(InvitationPage(listed), meta=listed.meta)

    @extend_schema(tags=["admin"], request=NewInvitation, responses={201: InvitationShape})
    def post(self, request: Request) -> Answer:
        """Invite somebody by mail, with a link that works once and for a week; administrators in the browser alone."""
        wanted = self.body(NewInvitation)
        if wanted["role"] == Role.ADMIN:
            refuse_making_administrators(request)
        team = access.visible_team(self.member, wanted["team_id"]) if wanted.get("team_id") else None
        try:
            invitation = invitations.invite(
                actor=self.member,
                organization=access.organization_of(self.member),
                email=wanted["email"],
                role=wanted["role"],
                team=team,
                now=timezone.now(),
                request=self.django_request,
            )
        except invitations.AlreadyHere:
            message = "This person already belongs to the organization."
            raise conflict("already_here", message) from None
        except invitations.AlreadyInvited:
            message = "An invitation to this address is pending. Send it again, or withdraw it first."
            raise conflict("already_invited", message) from None
        except seats.NoSeatLeft as full:
            raise conflict("no_seat_left", str(full)) from None
        return self.shown(invitation, status=201)


class InvitationSendAgain(_Inviting):
    """An invitation that is sent once more."""

    needs = {"POST": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], request=None, responses=InvitationShape)
    def post(self, request: Request, invitation_id: UUID) -> Answer:
        """Send a pending invitation again, with a new link and a new term; earlier links end.

        That of an administrator is sent again from the browser alone.
        """
        found = invitations.visible_invitations(self.member)
        if found.filter(pk=invitation_id, role=Role.ADMIN).exists():
            refuse_making_administrators(request)
        try:
            invitation = invitations.send_again(
                actor=self.member,
                invitation_id=invitation_id,
                now=timezone.now(),
                request=self.django_request,
            )
        except seats.NoSeatLeft as full:
            raise conflict("no_seat_left", str(full)) from None
        return self.shown(invitation)


class InvitationById(Operation):
    """One invitation."""

    needs = {"DELETE": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], request=None, responses={200: Said})
    def delete(self, _request: Request, invitation_id: UUID) -> Answer:
        """Withdraw a pending invitation: its link opens nothing any more."""
        invitations.withdraw(actor=self.member, invitation_id=invitation_id, request=self.django_request)
        return Answer({"message": "Invitation withdrawn successfully"})
