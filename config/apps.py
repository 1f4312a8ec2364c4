"""Application configuration: `config` is an app for its commands and checks."""

from django.apps import AppConfig

from config import celery, checks, job_ids

__all__ = ["ConfigConfig", "celery", "checks", "job_ids"]


class ConfigConfig(AppConfig):
    """The composing app; importing it makes the Celery application the current one, adds the checks and names jobs."""

    name = "config"
