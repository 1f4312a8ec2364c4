"""What the gates refuse is answered as what does not exist, no cache keeps anybody's page, sessions are noted, and
nobody stands before an empty page."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth import SESSION_KEY
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import render
from django.utils import timezone

from accounts import quota_answers, quotas, refusals, sessions
from accounts.access import NotVisible
from accounts.models import User

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class NotVisibleMiddleware:
    """Turns `NotVisible` into the ordinary "not found", so that the answer tells nothing; the record does."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Pass the request on; a coroutine when the next in line is one."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Put the refusal on record, and raise what a missing page raises.

        Raises:
            Http404: a gate raised `NotVisible`.
        """
        if isinstance(exception, NotVisible):
            refusals.note_at(request, exception, now=timezone.now())
            raise Http404 from None


class ButtonAddressMiddleware:
    """Shows a way on to a browser that opens the address of a button, as after a sign-in that came between."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; what Django leaves empty gets a page, and stays refused."""
        response = self.get_response(request)
        if request.method != "GET" or not isinstance(response, HttpResponseNotAllowed) or response.content:
            return response
        page = render(request, "405.html", status=response.status_code)
        page["Allow"] = response["Allow"]
        return page


class PrivatePageMiddleware:
    """Tells browsers and proxies to keep no copy of what somebody signed in was shown."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and mark the answer as private unless the view has said how it may be kept."""
        response = self.get_response(request)
        if "Cache-Control" not in response and SESSION_KEY in request.session:
            response["Cache-Control"] = "private, no-store"
        return response


class SessionNotesMiddleware:
    """Notes the device and the place of each session, so that its owner can recognize and end it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Note the session that the request came with, and the one that it leaves with."""
        self._note(request)
        response = self.get_response(request)
        self._note(request)
        return response

    def _note(self, request: HttpRequest) -> None:
        if SESSION_KEY in request.session:
            sessions.note_use(request, now=timezone.now())


class QuotaMiddleware:
    """Counts the forms that a person sends, and holds them back for a while when they were too many."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; Django says below which view it is for."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponseBase | None:
        """Answer in place of the view where the quota is used up."""
        if not quota_answers.counts(request):
            return None
        verdict = quotas.take(member=cast("User", request.user), kind=quotas.Kind.REQUESTS)
        return None if verdict.allowed else quota_answers.too_many(request, verdict)
