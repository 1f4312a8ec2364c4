"""Addresses of sign-in and settings. Mounted at the root, before the dashboard."""

from django.urls import include, path
from django.views.generic import RedirectView

from accounts import token_pages, views

urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("settings/keys/", token_pages.keys, name="tokens"),
    path("settings/keys/<uuid:token_id>/revoke/", token_pages.revoke, name="revoke_token"),
    path("accounts/email/", views.closed),
    path("accounts/signup/", views.closed),
    path("accounts/", include("allauth.account.urls")),
    path("admin/login/", views.dashboard_sign_in),
    path("admin/logout/", views.dashboard_sign_out),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
]
