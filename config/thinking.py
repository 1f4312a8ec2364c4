"""The thinking process of a web process, which starts it (`python -m config.thinking SOCKET`); see `conversations.apart`."""

import asyncio
import os
import signal
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
os.environ["SIDELINE_ROLE"] = "thinking"

import django

django.setup()

from config import memory
from config.warming import warm_thinking
from conversations import apart


async def main(descriptor: int) -> None:
    """Serve the parent; the models are loaded meanwhile, and what is asked before waits for them."""
    warming = asyncio.create_task(warm_thinking())
    await apart.serve(descriptor)
    warming.cancel()
    # Nobody waits for anything any more, and a thread whose database does not answer must not keep this process.
    os._exit(0)


if __name__ == "__main__":
    # Who stops the parent stops this too: it ends when the parent has no more use for it, and closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    memory.use_few_arenas()
    asyncio.run(main(int(sys.argv[1])))
