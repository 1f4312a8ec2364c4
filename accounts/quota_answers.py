"""The quota of requests on the pages: what counts, and what is answered when it is used up."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import quotas
from accounts.models import User
from accounts.quotas import UsedUp, Verdict

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def counts(request: HttpRequest) -> bool:
    """Whether a request to a page counts: forms that people send, but not those that lead to a person, and downloads.

    Pages that are only looked at never do, so that no quota locks anybody out; the API counts for itself.
    """
    if not request.user.is_authenticated or request.path.startswith("/api/"):
        return False
    if request.method in SAFE:
        match = request.resolver_match
        return match is not None and match.view_name in settings.QUOTAS_COUNT_DOWNLOADS
    return not quotas.never_refuses(request)


def words_for_exports(refused: UsedUp) -> str:
    """Return what somebody is told who may not begin an export now."""
    if refused.verdict.away:
        return "Nothing can be exported just now. Try again in a moment."
    again = quotas.duration(refused.verdict.retry_after_s)
    return f"You have begun as many exports as is possible for now. You can begin the next in {again}."


def exports_left(member: User) -> str:
    """Return how many exports somebody may still begin, once that is little; else nothing."""
    verdict = quotas.peek(member=member, kind=quotas.Kind.EXPORTS)
    if not verdict.is_running_out:
        return ""
    exports = f"{verdict.remaining} export{'' if verdict.remaining == 1 else 's'}"
    return f"{exports} left for now; all {verdict.limit} in {quotas.duration(verdict.reset_s)}."


def refuse(response: HttpResponse, refused: UsedUp) -> HttpResponse:
    """Return a page as the answer to what may not be done now: 429, or 503 where nobody can tell."""
    response.status_code = 503 if refused.verdict.away else 429
    for name, value in quotas.headers(refused.verdict).items():
        response[name] = value
    return response


def too_many(request: HttpRequest, verdict: Verdict) -> HttpResponse:
    """Return the answer to one request too many; a fragment's request gets a notice for its page."""
    again = quotas.duration(verdict.retry_after_s)
    template = "429.html#notice" if request.headers.get("HX-Request") else "429.html"
    response = render(request, template, {"again": again}, status=429)
    for name, value in quotas.headers(verdict).items():
        response[name] = value
    return response
