"""How people sign in: which providers the environment names, and where those providers are."""

from typing import Any

from config.env import Environment


def providers(env: Environment) -> dict[str, dict[str, Any]]:
    """Return what is known of each provider; one without a client id has no `APPS`, and no button.

    The addresses can be changed for a proxy, for a sandbox of the provider's, and for tests.
    """
    clever = env.text("CLEVER_API_URL", "https://api.clever.com/v3.0").rstrip("/")
    return {
        "google": {
            "APPS": _apps(env, "GOOGLE"),
            "AUTHORIZE_URL": env.text("GOOGLE_AUTHORIZE_URL", "https://accounts.google.com/o/oauth2/v2/auth"),
            "TOKEN_URL": env.text("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token"),
            "KEYS_URL": env.text("GOOGLE_KEYS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
            "ISSUER": env.text("GOOGLE_ISSUER", "https://accounts.google.com"),
            "SCOPE": ["openid", "email", "profile"],
            # Only accounts of organizations are offered, and always a choice: schools share devices.
            "AUTH_PARAMS": {"hd": "*", "prompt": "select_account"},
            "OAUTH_PKCE_ENABLED": True,
        },
        "clever": {
            "APPS": _apps(env, "CLEVER"),
            "AUTHORIZE_URL": env.text("CLEVER_AUTHORIZE_URL", "https://clever.com/oauth/authorize"),
            "TOKEN_URL": env.text("CLEVER_TOKEN_URL", "https://clever.com/oauth/tokens"),
            "ME_URL": f"{clever}/me",
            "USERS_URL": f"{clever}/users",
            "SCOPE": env.words(
                "CLEVER_SCOPES",
                ("read:user_id", "read:teachers", "read:school_admins", "read:district_admins"),
            ),
            "OAUTH_PKCE_ENABLED": True,
        },
    }


def _apps(env: Environment, prefix: str) -> list[dict[str, str]]:
    """Return the one client that the environment names; a client without its secret is a problem."""
    client_id = env.text(f"{prefix}_CLIENT_ID", "")
    if not client_id:
        return []
    return [{"client_id": client_id, "secret": env.text(f"{prefix}_CLIENT_SECRET")}]
