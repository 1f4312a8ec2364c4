"""Why somebody is not signed in, in words that say what to do next."""

from dataclasses import dataclass
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from accounts.models import User


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason; `{provider}` and `{home}` in its texts are filled in."""

    key: str
    """What the record says."""
    title: str
    text: str
    advice: str
    status: HTTPStatus = HTTPStatus.FORBIDDEN


CANCELLED = Refusal(
    "cancelled",
    "You are not signed in",
    "You stopped at {provider}, and nothing was changed.",
    "Choose how to sign in whenever you are ready.",
    HTTPStatus.OK,
)
STALE = Refusal(
    "stale",
    "This sign-in cannot be used any more",
    "It was used already, it was started in another browser, or more than ten minutes ago.",
    "Go back and start again.",
    HTTPStatus.BAD_REQUEST,
)
SILENT = Refusal(
    "silent",
    "{provider} does not answer",
    "Sideline asked {provider} who you are and got no answer. Your account and your conversations are safe.",
    "Wait a minute and try again. If it goes on, tell the administrator of your organization.",
    HTTPStatus.BAD_REQUEST,
)
UNCLEAR = Refusal(
    "unclear",
    "{provider} could not tell who you are",
    "Its answer was incomplete or not what was agreed, so nobody was signed in.",
    "Try again. If it happens twice, tell the administrator of your organization.",
    HTTPStatus.BAD_REQUEST,
)
BUSY = Refusal(
    "too_often",
    "Many people are signing in",
    "More sign-ins have begun at the internet address of your school or home than Sideline takes at once.",
    "Wait a minute and try again.",
    HTTPStatus.TOO_MANY_REQUESTS,
)
WAIT_SECONDS = 60
UNVERIFIED = Refusal(
    "unverified",
    "Your email address is not verified",
    "{provider} does not know yet that this address is yours.",
    "Verify it in your {provider} account, then sign in again.",
)
PERSONAL = Refusal(
    "personal_account",
    "Use the account of your school",
    "This is a personal {provider} account. Sideline opens with the account that your school or organization gave you.",
    "Sign in again and choose that account.",
)
UNKNOWN_ORGANIZATION = Refusal(
    "organization_unknown",
    "Sideline is not set up for your organization yet",
    "You are signed in at {provider} as somebody of {home}, which Sideline does not know.",
    "Ask the person who looks after software at your school to have {home} added. Then sign in again: "
    "your account is made at that moment.",
)
OTHER_ORGANIZATION = Refusal(
    "organization_other",
    "This sign-in does not fit your account",
    "Your Sideline account belongs to an organization to which {home} does not, or does not any more.",
    "Ask the administrator of your organization.",
)
STUDENT = Refusal(
    "student",
    "Sideline is for educators",
    "{provider} says that you are a student or a family contact. Sideline keeps no account for you.",
    "If you work at the school, ask your district to correct your role in {provider}.",
)
NO_ROLE = Refusal(
    "role_unknown",
    "{provider} names no role that may come in",
    "Teachers, staff and administrators of a district may sign in. {provider} says that you are none of these.",
    "Ask your district to correct your role in {provider}.",
)
TAKEN = Refusal(
    "account_exists",
    "There is an account with your address already",
    "It is opened in another way than this one, and it was not changed.",
    "Sign in as you did before. If you never did, ask the administrator of your organization to let "
    "accounts be linked by email.",
)
FULL = Refusal(
    "no_seat",
    "Your organization has no free place",
    "All its places are taken or promised, so no account was made for you.",
    "Ask the administrator of your organization to make room, then sign in again.",
)
CLOSED = Refusal(
    "deactivated",
    "This account is closed",
    "You cannot sign in with it at the moment.",
    "The administrator of your organization can open it again.",
)


class SignInRefused(Exception):
    """A provider knows this person, and still they may not come in.

    Args:
        refusal: the reason.
        home: the domain or the district, where the page names it.
        person: whose account it was about, if there is one.
    """

    def __init__(self, refusal: Refusal, *, home: str = "", person: User | None = None) -> None:
        super().__init__(refusal.key)
        self.refusal = refusal
        self.home = home
        self.person = person


def page(request: HttpRequest, refusal: Refusal, *, provider: str, home: str = "") -> HttpResponse:
    """Return the page of a refusal."""
    words = {"provider": provider, "home": home}
    response = render(
        request,
        "socialaccount/refused.html",
        {name: getattr(refusal, name).format(**words) for name in ("title", "text", "advice")},
        status=refusal.status,
    )
    add_never_cache_headers(response)
    return response


def busy(request: HttpRequest, *, provider: str) -> HttpResponse:
    """Return the page of a sign-in that was not begun because too many were."""
    response = page(request, BUSY, provider=provider)
    response["Retry-After"] = str(WAIT_SECONDS)
    return response
