"""Addresses of sign-in and settings. Mounted at the root, before the dashboard."""

from django.urls import include, path
from django.views.generic import RedirectView

from accounts import join_pages, second_factor_pages, session_pages, token_pages, views

urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("settings/sessions/", session_pages.sessions, name="sessions"),
    path("settings/sessions/end/", session_pages.end_others, name="end_other_sessions"),
    path("settings/sessions/<uuid:signed_in_id>/end/", session_pages.end, name="end_session"),
    path("join/<str:token>/", join_pages.join, name="join"),
    path("settings/keys/", token_pages.keys, name="tokens"),
    path("settings/keys/<uuid:token_id>/revoke/", token_pages.revoke, name="revoke_token"),
    path("accounts/email/", views.closed),
    path("accounts/signup/", views.closed),
    path("accounts/2fa/", second_factor_pages.index),
    path("accounts/2fa/totp/activate/", second_factor_pages.activate),
    path("accounts/2fa/totp/deactivate/", second_factor_pages.deactivate),
    path("accounts/2fa/recovery-codes/generate/", second_factor_pages.generate),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/password/set/", views.closed),
    path("accounts/", include("accounts.sso.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/login/", views.dashboard_sign_in),
    path("admin/logout/", views.dashboard_sign_out),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
]
