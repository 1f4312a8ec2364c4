"""Application configuration: `config` is an app for its commands and checks."""

from django.apps import AppConfig

from config import celery, checks, job_ids, metrics_database

__all__ = ["ConfigConfig", "celery", "checks", "job_ids", "metrics_database"]


class ConfigConfig(AppConfig):
    """The composing app; importing it makes the Celery application the current one, adds the checks, names jobs and times queries."""

    name = "config"
