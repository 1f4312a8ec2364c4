"""Settings of the benchmarks: those of `make run`, with passwords that cost nothing to make."""

from config.settings.local import *

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
