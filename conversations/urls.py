"""Addresses of conversations."""

from django.urls import path

from conversations import (
    analytics_pages,
    console,
    diary_pages,
    export_pages,
    feedback_pages,
    sharing_pages,
    views,
)

app_name = "conversations"

urlpatterns = [
    path("", views.index, name="index"),
    path("conversations/", views.begin, name="begin"),
    path("conversations/<uuid:conversation_id>/", views.chat, name="chat"),
    path("conversations/<uuid:conversation_id>/say/", views.say, name="say"),
    path("conversations/<uuid:conversation_id>/stop/", views.stop, name="stop"),
    path("conversations/<uuid:conversation_id>/ask-for-coach/", views.ask_for_coach, name="ask_for_coach"),
    path("conversations/<uuid:conversation_id>/cancel-request/", views.cancel_request, name="cancel_request"),
    path("conversations/<uuid:conversation_id>/consent/", views.consent, name="consent"),
    path("conversations/<uuid:conversation_id>/title/", views.rename, name="rename"),
    path("conversations/<uuid:conversation_id>/status/", views.set_status, name="set_status"),
    path("conversations/<uuid:conversation_id>/visibility/", views.set_visibility, name="set_visibility"),
    path("conversations/<uuid:conversation_id>/delete/", views.delete, name="delete"),
    path("conversations/<uuid:conversation_id>/restore/", views.restore, name="restore"),
    path("conversations/<uuid:conversation_id>/share/", sharing_pages.share, name="share"),
    path("conversations/<uuid:conversation_id>/share/make/", sharing_pages.make, name="make_link"),
    path(
        "conversations/<uuid:conversation_id>/share/<uuid:link_id>/revoke/",
        sharing_pages.revoke,
        name="revoke_link",
    ),
    path("conversations/<uuid:conversation_id>/markdown/", export_pages.markdown, name="markdown"),
    path("exports/", export_pages.exports_page, name="exports"),
    path("exports/ask/", export_pages.ask, name="ask_for_export"),
    path("exports/<uuid:export_id>/discard/", export_pages.discard, name="discard_export"),
    path("exports/<uuid:export_id>/<str:name>/", export_pages.fetch, name="fetch_export"),
    path("diary/", diary_pages.diary_page, name="diary"),
    path("links/", sharing_pages.links, name="links"),
    path("s/<str:token>/", sharing_pages.shared, name="shared"),
    path("messages/<uuid:message_id>/feedback/", views.feedback, name="feedback"),
    path("admin/feedback/", feedback_pages.queue, name="feedback_queue"),
    path("admin/feedback/<uuid:feedback_id>/", feedback_pages.feedback, name="feedback_detail"),
    path("admin/analytics/", analytics_pages.page, name="analytics"),
    path("admin/queue/", console.queue, name="queue"),
    path("admin/queue/badge/", console.queue_badge, name="queue_badge"),
    path("admin/queue/<uuid:conversation_id>/", console.console, name="console"),
    path("admin/queue/<uuid:conversation_id>/take-over/", console.take_over, name="take_over"),
    path("admin/queue/<uuid:conversation_id>/speak/", console.speak, name="speak"),
    path("admin/queue/<uuid:conversation_id>/draft/", console.draft, name="draft"),
    path("admin/queue/<uuid:conversation_id>/hand-back/", console.hand_back, name="hand_back"),
]
