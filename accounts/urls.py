"""Addresses of sign-in and settings. Mounted at the root, before the dashboard."""

from django.urls import include, path
from django.views.generic import RedirectView

from accounts import data_pages, views

urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("settings/your-data/", data_pages.your_data, name="your_data"),
    path("settings/your-data/export/", data_pages.ask_for_export, name="ask_for_export"),
    path("settings/your-data/export/<uuid:export_id>/", data_pages.download, name="download_export"),
    path("settings/your-data/erase/", data_pages.erase, name="erase_account"),
    path("settings/your-data/stay/", data_pages.stay, name="keep_account"),
    path("admin/accounts/user/<uuid:person_id>/erase/", data_pages.erase_person, name="erase_person"),
    path("admin/accounts/user/<uuid:person_id>/stay/", data_pages.keep_person, name="keep_person"),
    path("accounts/email/", views.closed),
    path("accounts/signup/", views.closed),
    path("accounts/", include("allauth.account.urls")),
    path("admin/login/", views.dashboard_sign_in),
    path("admin/logout/", views.dashboard_sign_out),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
]
