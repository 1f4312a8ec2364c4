"""Settings of a server behind HTTPS. It refuses to start without secrets and addresses of its own."""

from config.settings.base import *

SECRET_KEY = ENV.secret("SECRET_KEY")
ALLOWED_HOSTS = ENV.words("ALLOWED_HOSTS", None)
CSRF_TRUSTED_ORIGINS = ENV.words("CSRF_TRUSTED_ORIGINS", tuple(f"https://{host}" for host in ALLOWED_HOSTS))
DATABASE_URL = ENV.text("DATABASE_URL")
REDIS_URL = ENV.text("REDIS_URL")

SECURE_SSL_REDIRECT = ENV.flag("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = ENV.integer("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SESSION_COOKIE_NAME = "__Host-sessionid"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"
CSRF_COOKIE_SECURE = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https"

PASSWORD_SIGN_IN = ENV.flag("PASSWORD_SIGN_IN", default=False)
if not PASSWORD_SIGN_IN and not any(provider["APPS"] for provider in SOCIALACCOUNT_PROVIDERS.values()):
    ENV.problems.append(
        "nobody could sign in: set GOOGLE_CLIENT_ID or CLEVER_CLIENT_ID, or PASSWORD_SIGN_IN=yes"
    )

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = ENV.text("EMAIL_HOST", "localhost")
PUBLIC_URL = ENV.text("PUBLIC_URL", f"https://{ALLOWED_HOSTS[0]}" if ALLOWED_HOSTS else "")
DEFAULT_FROM_EMAIL = ENV.text("EMAIL_FROM", f"{SITE_NAME} <no-reply@{PUBLIC_URL.rpartition('/')[2]}>")

ENV.refuse_problems()
