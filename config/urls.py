"""Where everything is; each app names its own pages."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("library/", include("knowledge.urls")),
    path("", include("conversations.urls")),
]

handler500 = "config.requests.server_error"
