"""Addresses of what a coach writes about their AI. Mounted at the root, before the dashboard."""

from django.urls import path

from coaching import views

app_name = "coaching"

urlpatterns = [
    path("admin/persona/", views.persona, name="persona"),
    path("admin/persona/preview/", views.preview, name="persona_preview"),
]
