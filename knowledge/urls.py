"""Addresses of the app's pages."""

from django.urls import path

from knowledge import page_views

app_name = "knowledge"

PAGE = "<uuid:document_id>/v/<uuid:version_id>/page/<int:index>/"

urlpatterns = [
    path(PAGE, page_views.page, name="page"),
    path(PAGE + "image/", page_views.page_image, name="page_image"),
    path(PAGE + "marks/", page_views.page_marks, name="page_marks"),
]
