"""The ASGI application: probes, the cap on bodies, then Django for HTTP and Channels for sockets."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
os.environ.setdefault("SIDELINE_ROLE", "web")

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from config import telemetry
from config.health import HealthProbes
from config.origins import SameOrigin
from config.request_bodies import BodyLimit
from config.sockets import FewSockets
from config.warming import warm_in_background
from conversations.apart import apart
from conversations.routing import websocket_urlpatterns


async def lifespan(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer the server's start and stop, which servers other than Daphne announce."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await apart.begin()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = ProtocolTypeRouter(
    {
        "http": HealthProbes(
            BodyLimit(
                django_application,
                default=settings.REQUEST_BODY_LIMIT,
                by_path=settings.REQUEST_BODY_LIMITS,
                patience_s=settings.REQUEST_BODY_SECONDS,
            )
        ),
        "websocket": SameOrigin(AuthMiddlewareStack(FewSockets(URLRouter(websocket_urlpatterns)))),
        "lifespan": lifespan,
    }
)

if os.environ["SIDELINE_ROLE"] == "web":
    telemetry.serve()
    warm_in_background()
