"""The dashboard in the product's name and colours; the values are those of `static/css/tokens.css`."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static


def logo(_request: HttpRequest) -> str:
    """Return the address of the logo."""
    return static("img/logo.svg")


def dashboard_styles(_request: HttpRequest) -> str:
    """Return the address of the dashboard's own styles: focus and calm as on the pages."""
    return static("css/dashboard.css")


DASHBOARD: dict[str, Any] = {
    "SITE_TITLE": "Sideline",
    "SITE_HEADER": "Sideline",
    "SITE_URL": "/",
    "SITE_ICON": logo,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": logo}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "8px",
    "STYLES": [dashboard_styles],
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
