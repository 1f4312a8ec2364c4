"""The Content Security Policy of pages, and the wider one that the dashboard's components need."""

from typing import Any

from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase
from typing_extensions import override

PAGES: dict[str, Any] = {
    "default-src": [NONE],
    "script-src": [SELF, NONCE],
    "style-src": [SELF, NONCE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "base-uri": [NONE],
    "object-src": [NONE],
    "manifest-src": [SELF],
}
"""No inline script or style, and nothing from another host."""

DASHBOARD: dict[str, Any] = {
    "script-src": [SELF, NONCE, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
}
"""Alpine compiles the expressions in its attributes, and the theme's colours are inline styles."""

DASHBOARD_PREFIX = "/admin/"


class ContentPolicyMiddleware(CSPMiddleware):
    """Sends the policy of pages, and under the dashboard's prefix the dashboard's."""

    @override
    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """Return the parts of the policy for this response."""
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(DASHBOARD_PREFIX) and not report_only:
            parts.replace = {**DASHBOARD, **(parts.replace or {})}
        return parts
