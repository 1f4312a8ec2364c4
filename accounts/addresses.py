"""From where a request comes: the one reading of its network address, for every limit, list and record.

A proxy in front adds the address of whoever asked it at the end of `X-Forwarded-For`; what stands before that, the
client may have written. `TRUSTED_PROXIES` says how many ends of the header are ours; with none it is not looked at.
"""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = ""
"""Of a request over a unix socket that no proxy explains."""


def of(request: HttpRequest) -> str:
    """Return the address of whoever sent the request, or nothing where nobody can tell."""
    return _forwarded(request) or _address(request.META.get("REMOTE_ADDR", ""))


def counted(request: HttpRequest) -> str:
    """Return the address by which limits count: of IPv6 the first 64 bits, all of whose addresses one line has."""
    address = of(request)
    if ":" not in address:
        return address
    return str(ip_network((address, 64), strict=False).network_address)


def _forwarded(request: HttpRequest) -> str:
    """Return what the outermost of our proxies saw; where fewer than all were passed, what the first of them saw."""
    proxies = settings.TRUSTED_PROXIES
    said = request.headers.get("X-Forwarded-For", "")
    if not proxies or not said:
        return UNKNOWN
    return _address(said.split(",")[-proxies:][0])


def _address(said: str) -> str:
    """Return an address without the port or the zone that some proxies and systems add; nothing for nonsense."""
    said = said.strip().partition("%")[0]
    for read in (str, lambda text: urlsplit(f"//{text}").hostname or ""):
        try:
            return str(ip_address(read(said)))
        except ValueError:
            continue
    return UNKNOWN
