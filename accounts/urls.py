"""Addresses of sign-in and settings. Mounted at the root, before the dashboard."""

from django.urls import include, path
from django.views.generic import RedirectView

from accounts import views

urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("accounts/email/", views.closed),
    path("accounts/signup/", views.closed),
    path("accounts/password/set/", views.closed),
    path("accounts/", include("accounts.sso.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/login/", views.dashboard_sign_in),
    path("admin/logout/", views.dashboard_sign_out),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
]
