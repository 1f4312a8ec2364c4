"""The dashboard in the product's name and colours; the values are those of `static/css/tokens.css`."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def logo(_request: HttpRequest) -> str:
    """Return the address of the logo."""
    return static("img/logo.svg")


def styles(name: str) -> Callable[[HttpRequest], str]:
    """Return what tells the dashboard the address of a style sheet that the pages have too."""
    return lambda _request: static(f"css/{name}.css")


def for_coaches(request: HttpRequest) -> bool:
    """Return whether this is somebody to whom the coaches' pages are open."""
    return bool(request.user.is_authenticated and request.user.is_coach and request.user.organization_id)


def for_administrators(request: HttpRequest) -> bool:
    """Return whether this is an administrator of an organization or of the installation."""
    return bool(request.user.is_authenticated and request.user.is_admin)


def in_queue(request: HttpRequest) -> bool:
    """Return whether the page is the queue or a conversation opened from it."""
    return request.path.startswith(str(reverse_lazy("conversations:queue")))


def in_feedback(request: HttpRequest) -> bool:
    """Return whether the page is the feedback queue or feedback opened from it."""
    return request.path.startswith(str(reverse_lazy("conversations:feedback_queue")))


MENU: list[dict[str, Any]] = [
    {
        "items": [
            {
                "title": "Queue",
                "icon": "front_hand",
                "link": reverse_lazy("conversations:queue"),
                "active": in_queue,
                "badge": "conversations.console.waiting_badge",
                "permission": for_coaches,
            },
            {
                "title": "Feedback",
                "icon": "thumbs_up_down",
                "link": reverse_lazy("conversations:feedback_queue"),
                "active": in_feedback,
                "permission": for_coaches,
            },
            {
                "title": "Exports",
                "icon": "download",
                "link": reverse_lazy("conversations:exports"),
                "permission": for_coaches,
            },
            {
                "title": "Analytics",
                "icon": "bar_chart",
                "link": reverse_lazy("conversations:analytics"),
                "permission": for_coaches,
            },
            {
                "title": "Your AI",
                "icon": "smart_toy",
                "link": reverse_lazy("coaching:persona"),
                "permission": for_coaches,
            },
            {
                "title": "Library",
                "icon": "menu_book",
                "link": reverse_lazy("admin:knowledge_document_changelist"),
                "permission": for_coaches,
            },
        ],
    },
    {
        "title": "People",
        "separator": True,
        "items": [
            {"title": "People", "icon": "person", "link": reverse_lazy("admin:accounts_user_changelist")},
            {
                "title": "Invitations",
                "icon": "mail",
                "link": reverse_lazy("admin:accounts_invitation_changelist"),
                "permission": for_administrators,
            },
            {"title": "Teams", "icon": "group", "link": reverse_lazy("admin:accounts_team_changelist")},
            {
                "title": "Organization",
                "icon": "school",
                "link": reverse_lazy("admin:accounts_organization_changelist"),
                "permission": for_administrators,
            },
            {
                "title": "Domains",
                "icon": "domain",
                "link": reverse_lazy("admin:accounts_organizationdomain_changelist"),
                "permission": for_administrators,
            },
            {
                "title": "Record",
                "icon": "verified_user",
                "link": reverse_lazy("admin:accounts_auditevent_changelist"),
                "permission": for_administrators,
            },
        ],
    },
    {
        "title": "Running",
        "separator": True,
        "items": [
            {
                "title": "Service",
                "icon": "monitor_heart",
                "link": reverse_lazy("service"),
                "permission": for_administrators,
            },
        ],
    },
]
"""The menu of the dashboard; a test walks it as each role."""

DASHBOARD: dict[str, Any] = {
    "SITE_TITLE": "Sideline",
    "SITE_HEADER": "Sideline",
    "SITE_URL": "/",
    "SITE_ICON": logo,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": logo}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "STYLES": [styles("tokens"), styles("access"), styles("dashboard")],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": MENU},
    "COLORS": {
        "base": {
            "50": "#faf6ef",
            "100": "#f1ebe0",
            "200": "#e0d7c8",
            "300": "#c9c1b2",
            "400": "#a9aca2",
            "500": "#6b7571",
            "600": "#55605d",
            "700": "#3a4644",
            "800": "#263030",
            "900": "#1e2525",
            "950": "#161b1b",
        },
        "primary": {
            "50": "#eef6f3",
            "100": "#dcece6",
            "200": "#bfdfd4",
            "300": "#9edbca",
            "400": "#7fc9b5",
            "500": "#5fb09c",
            "600": "#1f6b5e",
            "700": "#17544a",
            "800": "#14483f",
            "900": "#113b34",
            "950": "#0f2621",
        },
        "font": {
            "subtle-light": "#55605d",
            "subtle-dark": "#b4b9b1",
            "default-light": "#3a4644",
            "default-dark": "#d5d3ca",
            "important-light": "#23302f",
            "important-dark": "#ece7dd",
        },
    },
}
