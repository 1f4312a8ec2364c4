"""`python -m config.tests.deployment`: is the project fit to deploy, and are its migrations complete?

Runs Django's deployment checks under the production settings with secrets made for this one run, and refuses
models that no migration describes. Neither needs a database.
"""

import os
import secrets
import subprocess
import sys
from pathlib import Path

from config.supervisor import python

ROOT = Path(__file__).parents[2]


def production_environment() -> dict[str, str]:
    """Return an environment under which the production settings start."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ALLOWED_HOSTS": "coaching.school.invalid",
        "DATABASE_URL": f"postgresql://sideline:{secrets.token_hex(16)}@127.0.0.1:1/sideline",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "GOOGLE_CLIENT_ID": "sideline.apps.school.invalid",
        "GOOGLE_CLIENT_SECRET": secrets.token_urlsafe(24),
    }


def main() -> int:
    """Run both checks; return the first exit status that is not zero."""
    environment = production_environment()
    ignored = {**environment, "PYTHONWARNINGS": "ignore::RuntimeWarning"}
    for arguments in (
        ["check", "--deploy", "--fail-level", "WARNING"],
        ["makemigrations", "--check", "--dry-run"],
    ):
        done = subprocess.run(python("manage.py", *arguments), cwd=ROOT, env=ignored, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
