"""The dashboard's page about domains: administrators state them, staff verify them."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from typing_extensions import override

from accounts.access import organization_of
from accounts.dashboard import ReadOnly, member_of
from accounts.models import OrganizationDomain
from accounts.sso import domains, linking


class DomainForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """A domain as somebody enters it."""

    class Meta:
        model = OrganizationDomain
        fields = ("organization", "domain")
        help_texts: ClassVar = {
            "domain": "What stands behind the @ of your addresses, such as riverside.example. "
            "People come in by it once whoever runs Sideline has verified that it is yours."
        }

    def clean_domain(self) -> str:
        """Return the domain as it is stored."""
        try:
            return domains.spelled(self.cleaned_data["domain"])
        except domains.NotADomain:
            raise forms.ValidationError("Write a domain, such as riverside.example.") from None


@admin.register(OrganizationDomain)
class DomainAdmin(ReadOnly):
    """Domains: stated, verified, withdrawn, and never changed: a verified one must not become another."""

    form = DomainForm
    list_display = ("domain", "organization", "verified")
    search_fields = ("domain",)
    ordering = ("domain",)
    actions = ("verify",)
    list_before_template = "admin/accounts/domains.html"

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the member may state a domain."""
        return member_of(request).is_admin

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the member may withdraw a domain; the list holds only those of the own organization."""
        return member_of(request).is_admin

    def has_verify_permission(self, request: HttpRequest) -> bool:
        """Return whether this is staff."""
        return member_of(request).is_superuser

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[OrganizationDomain]:
        """Return the domains of the member's organization; all of them for staff."""
        return domains.visible_domains(member_of(request)).select_related("organization").order_by("domain")

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list under what is still missing until people come in by the domains."""
        missing = {
            "is_google_set_up": linking.is_google_set_up(),
            "is_one_unverified": self.get_queryset(request).filter(verified_at=None).exists(),
        }
        listed: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **missing})
        return listed

    @override
    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the fields; only staff say whose domain it is."""
        return ("organization", "domain") if obj or member_of(request).is_superuser else ("domain",)

    @override
    def save_model(self, request: HttpRequest, obj: OrganizationDomain, form: Any, change: bool) -> None:
        """State the domain, for the member's own organization."""
        member = member_of(request)
        organization = obj.organization if member.is_superuser else organization_of(member)
        stated = domains.state(actor=member, organization=organization, domain=obj.domain, request=request)
        obj.pk, obj.organization = stated.pk, organization
        self.message_user(request, "It opens nothing until whoever runs Sideline has verified it.")

    @override
    def delete_model(self, request: HttpRequest, obj: OrganizationDomain) -> None:
        """Withdraw the domain."""
        domains.withdraw(actor=member_of(request), domain=obj, request=request)

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[OrganizationDomain]) -> None:
        """Withdraw each of the domains."""
        for domain in queryset:
            domains.withdraw(actor=member_of(request), domain=domain, request=request)

    @admin.display(boolean=True, description="Verified")
    def verified(self, domain: OrganizationDomain) -> bool:
        """Return whether people come in by it."""
        return domain.verified_at is not None

    @admin.action(description="Verify: people of these domains may come in", permissions=["verify"])
    def verify(self, request: HttpRequest, queryset: QuerySet[OrganizationDomain]) -> None:
        """Verify each chosen domain; staff have looked up whose it is."""
        for domain in queryset:
            try:
                domains.verify(actor=member_of(request), domain=domain, now=timezone.now(), request=request)
            except domains.DomainTaken:
                self.message_user(request, f"{domain} is another organization's.", messages.ERROR)
            else:
                self.message_user(request, f"{domain} is verified.", messages.SUCCESS)
