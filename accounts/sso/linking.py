"""How people come in whom an administrator added or invited, where nobody has a password: with Google, by address.

What links them to the account that waits is `provisioning`; here is what they and the administrator are told.
"""

from django.conf import settings

from accounts.models import Organization

NO_GOOGLE = (
    "Whom you add or invite cannot sign in: nobody has a password here, and sign-in with Google is not set up. Ask "
    "whoever runs Sideline. People of your Clever district come in by themselves."
)
NOT_AGREED = (
    "Whom you add or invite signs in with Google, and is refused until you tick “Link accounts by email” under "
    "Organization."
)
NO_DOMAIN = (
    "Whom you add or invite signs in with Google, and is refused until a domain of yours is verified: state it under "
    "Domains."
)


def is_google_set_up() -> bool:
    """Whether people can sign in with Google."""
    return bool(settings.SOCIALACCOUNT_PROVIDERS["google"]["APPS"])


def way_in(email: str) -> str:
    """Return how somebody who was added or invited signs in; nothing where they choose a password, or cannot."""
    if settings.PASSWORD_SIGN_IN or not is_google_set_up():
        return ""
    return f"There is no password to choose: sign in with Google, as {email}."


def obstacle(organization: Organization | None) -> str:
    """Return what keeps the people whom an administrator adds or invites from coming in, and what to do about it."""
    if settings.PASSWORD_SIGN_IN or organization is None:
        return ""
    if not is_google_set_up():
        return NO_GOOGLE
    if not organization.links_accounts:
        return NOT_AGREED
    return "" if organization.domains.filter(verified_at__isnull=False).exists() else NO_DOMAIN
