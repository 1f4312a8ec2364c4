"""Where everything is; each app names its own pages."""

from django.contrib import admin
from django.urls import include, path

from config import views

urlpatterns = [
    path("", include("accounts.urls")),
    path("library/", include("knowledge.urls")),
    path("", include("conversations.urls")),
    path("", include("coaching.urls")),
    path("admin/service/", views.service, name="service"),
    path("api/", include("config.api_urls")),
    path("admin/", views.dashboard),
    # Last: the admin answers "not found" to everything under its prefix that it does not know.
    path("admin/", admin.site.urls),
]

handler400 = "config.requests.bad_request"
handler500 = "config.requests.server_error"
