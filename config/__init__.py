"""Composes, decides nothing: settings, urls, asgi, celery, embedded services, health."""
