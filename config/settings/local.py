"""Settings of `make run`: one machine, plain HTTP on the loopback address, secrets made on the first start."""

from config.local_secrets import local_secret
from config.settings.base import *

SECRET_KEY = (
    ENV.secret("SECRET_KEY") if ENV.given("SECRET_KEY") else local_secret(SIDELINE_DATA, "secret-key")
)
ALLOWED_HOSTS = ENV.words("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = ENV.words("CSRF_TRUSTED_ORIGINS")

ENV.refuse_problems()
