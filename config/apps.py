"""Application configuration: `config` is an app for its commands and checks."""

from django.apps import AppConfig

from config import celery, checks

__all__ = ["ConfigConfig", "celery", "checks"]


class ConfigConfig(AppConfig):
    """The composing app; importing it makes the Celery application the current one and adds the checks."""

    name = "config"
