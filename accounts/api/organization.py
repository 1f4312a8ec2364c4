"""The organization: its teams; for administrators its settings, its seats, its domains."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from typing_extensions import override

from accounts import access, people, quotas, seats, teams
from accounts.api_authentication import refuse_about_others
from accounts.api_envelope import Answer
from accounts.api_errors import conflict
from accounts.api_operations import Operation, Said
from accounts.api_paging import PartQuery, meta_of_part
from accounts.api_parsing import StrictSerializer
from accounts.forms import LIMITS
from accounts.models import Organization, OrganizationDomain, Team, User
from accounts.roles import Role
from accounts.scopes import Scope
from accounts.sso import domains


class NameShape(serializers.ModelSerializer[User]):
    """Somebody, by name."""

    class Meta:
        model = User
        fields = ("id", "name")


class TeamShape(serializers.ModelSerializer[Team]):
    """A coach's group of educators."""

    coach = NameShape()
    members = serializers.SerializerMethodField()

    class Meta:
        model = Team
        fields = ("id", "name", "coach", "members", "created_at")

    @extend_schema_field(NameShape(many=True))
    def get_members(self, team: Team) -> Any:
        """Return the educators of the team."""
        return NameShape([each.member for each in team.memberships.all()], many=True).data


def with_people(*found: Team) -> tuple[Team, ...]:
    """Return teams with all that their shape tells, whatever their number and size in a few queries."""
    prefetch_related_objects(found, "coach", "memberships__member")
    return found


class TeamList(serializers.Serializer[Any]):
    """Teams, by name."""

    teams = TeamShape(many=True)


class NewTeam(StrictSerializer):
    """A team that an administrator builds."""

    name = serializers.CharField(max_length=200)
    coach_id = serializers.UUIDField()
    member_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=1000, help_text="Educators."
    )


class TeamChange(NewTeam):
    """What can be changed about a team; what is not named stays."""

    name = serializers.CharField(max_length=200, required=False)
    coach_id = serializers.UUIDField(required=False)


class _OfTeams(Operation):
    """What administrators do with teams."""

    tells_of_others = True

    def shown(self, team: Team, *, status: int = 200) -> Answer:
        """Answer with a team."""
        self.about = team.pk
        return self.answer(TeamShape(*with_people(team)), status=status)

    @override
    def tell_again(self, about: UUID) -> Answer:
        """Show the team as it is now."""
        return self.shown(access.visible_team(self.member, about))


@contextmanager
def _one_team_each() -> Iterator[None]:
    """Say that somebody is in another team as a refusal."""
    try:
        yield
    except teams.InAnotherTeam:
        message = "Somebody is in another team. Take them out of it first."
        raise conflict("in_another_team", message) from None


def _wanted(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked values as the verbs name them."""
    return {"members" if name == "member_ids" else name: value for name, value in body.items()}


class OrganizationTeams(_OfTeams):
    """The teams of the organization."""

    needs = {"POST": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], request=NewTeam, responses={201: TeamShape})
    def post(self, _request: Request) -> Answer:
        """Build a team: say who coaches whom. 404 where one of them is no coach, or no educator, of yours."""
        wanted = _wanted(self.body(NewTeam))
        with _one_team_each():
            team = teams.build(actor=self.member, **wanted, now=timezone.now(), request=self.django_request)
        return self.shown(team, status=201)


class OrganizationTeamById(_OfTeams):
    """One team of the organization."""

    needs = {"PATCH": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], request=TeamChange, responses=TeamShape)
    def patch(self, _request: Request, team_id: UUID) -> Answer:
        """Change a team's name, its coach, or who is in it; `member_ids` are all who are in it from now on."""
        wanted = _wanted(self.body(TeamChange))
        with _one_team_each():
            team = teams.change(
                actor=self.member,
                team_id=team_id,
                **wanted,
                now=timezone.now(),
                request=self.django_request,
            )
        return self.shown(team)


class Teams(Operation):
    """The teams that a coach or an administrator may see."""

    only_for = Role.COACH
    needs = {"GET": Scope.READ}

    @extend_schema(tags=["coaches"], parameters=[PartQuery], responses=TeamList)
    def get(self, request: Request) -> Answer:
        """List your teams with their members; an administrator's are all of the organization."""
        refuse_about_others(request)
        part = self.query(PartQuery)
        found = access.visible_teams(self.member)
        listed = found.order_by("name", "pk")[part["offset"] : part["offset"] + part["limit"]]
        return self.answer(
            TeamList({"teams": with_people(*listed)}), meta=meta_of_part(total=found.count(), **part)
        )


class ContactForm(StrictSerializer):
    """Whom somebody in a crisis can turn to at once."""

    name = serializers.CharField(max_length=200)
    contact = serializers.CharField(max_length=200)
    hours = serializers.CharField(max_length=200, required=False)


class OrganizationChange(StrictSerializer):
    """What an administrator may change about the organization; what is not named stays."""

    name = serializers.CharField(max_length=200, required=False)
    kind = serializers.ChoiceField(choices=Organization.Kind.choices, required=False)
    help_lines = ContactForm(many=True, required=False)
    response_minutes = serializers.IntegerField(min_value=1, max_value=32767, required=False)
    idle_minutes = serializers.IntegerField(min_value=0, max_value=32767, required=False)
    links_accounts = serializers.BooleanField(required=False)
    allows_share_links = serializers.BooleanField(required=False)
    keep_archived_days = serializers.IntegerField(min_value=90, max_value=3650, required=False)
    keep_deleted_days = serializers.IntegerField(min_value=1, max_value=30, required=False)
    keep_events_days = serializers.IntegerField(min_value=90, max_value=1095, required=False)


class ContactShape(serializers.Serializer[Any]):
    """Whom somebody in a crisis can turn to at once."""

    name = serializers.CharField()
    contact = serializers.CharField()
    hours = serializers.CharField(default="")


class SeatsShape(serializers.Serializer[Any]):
    """What an organization has of its seats."""

    used = serializers.IntegerField(help_text="Active people.")
    promised = serializers.IntegerField(help_text="Invitations that can still be accepted.")
    allowed = serializers.IntegerField(allow_null=True, help_text="Null: as many as it likes.")


class MonthShape(serializers.Serializer[Any]):
    """What was sent to the AI in this calendar month."""

    messages = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True, help_text="Null: as many as it likes.")


class SettingsShape(serializers.ModelSerializer[Organization]):
    """An organization, as its administrators see it; whoever runs Sideline sets the tier, the district and the limits."""

    help_lines = ContactShape(many=True)
    daily_budget_usd = serializers.DecimalField(max_digits=8, decimal_places=2, allow_null=True)
    seats = serializers.SerializerMethodField()
    month = serializers.SerializerMethodField()

    class Meta:
        model = Organization
        fields = (
            *("id", "name", "kind", "tier", "help_lines", "response_minutes", "idle_minutes"),
            *("links_accounts", "allows_share_links", "clever_district_id", *LIMITS),
            *("keep_archived_days", "keep_deleted_days", "keep_events_days", "seats", "month"),
        )

    @extend_schema_field(SeatsShape)
    def get_seats(self, organization: Organization) -> Any:
        """Return what is left of the seats."""
        return SeatsShape(seats.seats_of(organization, now=timezone.now())).data

    @extend_schema_field(MonthShape)
    def get_month(self, organization: Organization) -> Any:
        """Return what is left of the month's messages."""
        return MonthShape(quotas.month_of(organization, now=timezone.now())).data


class OrganizationSettings(Operation):
    """The settings of the organization."""

    needs = {"GET": Scope.ORGANIZATION, "PATCH": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], responses=SettingsShape)
    def get(self, _request: Request) -> Answer:
        """Show the settings of the organization, and what is used of its seats and of the month's messages."""
        return self.answer(SettingsShape(access.organization_of(self.member)))

    @extend_schema(tags=["admin"], request=OrganizationChange, responses=SettingsShape)
    def patch(self, _request: Request) -> Answer:
        """Change settings of the organization; on record."""
        wanted = _plain(self.body(OrganizationChange))
        organization = access.organization_of(self.member)
        changed = [name for name, value in wanted.items() if getattr(organization, name) != value]
        for name in changed:
            setattr(organization, name, wanted[name])
        people.change_organization(
            actor=self.member, organization=organization, changed=changed, request=self.django_request
        )
        return self.answer(SettingsShape(organization))


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked values as they are stored."""
    if "help_lines" not in given:
        return dict(given)
    return {**given, "help_lines": [dict(line) for line in given["help_lines"]]}


class OwnDomainShape(serializers.ModelSerializer[OrganizationDomain]):
    """A domain that the organization says is its own."""

    class Meta:
        model = OrganizationDomain
        fields = ("id", "domain", "verified_at", "created_at")
        extra_kwargs = {"verified_at": {"help_text": "Null: nobody comes in by it yet.", "allow_null": True}}


class OwnDomainList(serializers.Serializer[Any]):
    """Domains, by name."""

    domains = OwnDomainShape(many=True)


class NewDomain(StrictSerializer):
    """A domain, as somebody enters it."""

    domain = serializers.CharField(max_length=253, help_text="What stands behind the @ of your addresses.")


class OrganizationDomains(Operation):
    """The domains of the organization."""

    needs = {"GET": Scope.ORGANIZATION, "POST": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], responses=OwnDomainList)
    def get(self, _request: Request) -> Answer:
        """List the domains of the organization."""
        return self.answer(
            OwnDomainList({"domains": domains.visible_domains(self.member).order_by("domain")})
        )

    @extend_schema(tags=["admin"], request=NewDomain, responses={201: OwnDomainShape})
    def post(self, _request: Request) -> Answer:
        """State a domain; it opens nothing until whoever runs Sideline has verified that it is yours."""
        try:
            stated = domains.state(
                actor=self.member,
                organization=access.organization_of(self.member),
                domain=self.body(NewDomain)["domain"],
                request=self.django_request,
            )
        except domains.NotADomain:
            words = "Write a domain, such as riverside.example."
            raise serializers.ValidationError({"domain": [words]}) from None
        return self.answer(OwnDomainShape(stated), status=201)


class OrganizationDomainById(Operation):
    """One domain of the organization."""

    needs = {"DELETE": Scope.ORGANIZATION}

    @extend_schema(tags=["admin"], request=None, responses={200: Said})
    def delete(self, _request: Request, domain_id: UUID) -> Answer:
        """Withdraw a domain; nobody comes in by it any more."""
        found = domains.visible_domain(self.member, domain_id)
        domains.withdraw(actor=self.member, domain=found, request=self.django_request)
        return Answer({"message": "Domain withdrawn successfully"})
