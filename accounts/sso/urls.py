"""Addresses of the sign-in page and of the providers; django-allauth finds them by these names."""

from django.urls import path

from accounts.sso import views

urlpatterns = [
    path("login/", views.sign_in, name="account_login"),
    path("google/login/", views.to_google, name="google_login"),
    path("google/login/callback/", views.from_google, name="google_callback"),
    path("clever/login/", views.to_clever, name="clever_login"),
    path("clever/login/callback/", views.from_clever, name="clever_callback"),
]
