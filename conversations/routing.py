"""Socket routes."""

from django.urls import path

from conversations.consumers import ConversationConsumer, QueueConsumer

websocket_urlpatterns = [
    path("ws/conversations/<uuid:conversation_id>/", ConversationConsumer.as_asgi()),
    path("ws/queue/", QueueConsumer.as_asgi()),
]
