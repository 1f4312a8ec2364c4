"""Fetches uv from the package index that pip or uv is configured for: `python3 bin/fetch_uv.py FOLDER`.

For a machine whose Python has neither pip nor ensurepip, as Debian's has where nobody added them. A wheel is a zip
file, and uv one program in it: nothing but Python itself is needed. `uv.txt` beside this file says which version is
taken, and the sha256 of its files: an index is not believed about what it serves. As with pip, nothing is asked of an
index over plain http unless it is on this machine or named as trusted.
"""

import base64
import configparser
import hashlib
import io
import ipaddress
import json
import os
import platform
import re
import ssl
import sys
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urldefrag, urljoin, urlsplit, urlunsplit

PINNED = Path(__file__).with_name("uv.txt")
PYPI = "https://pypi.org/simple"
FORMS = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
PATIENCE_SECONDS = 60
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
MUSL = "1.2"
"""What systems without glibc have had for years; Python does not tell its version."""


class NotFetched(Exception):
    """uv could not be had; the text says why."""


class NotThePinned(Exception):
    """What an index serves is not what was pinned: nothing is asked of any other."""


@dataclass(frozen=True)
class Pinned:
    """The one release that is taken."""

    version: str
    sha256: frozenset[str]


@dataclass(frozen=True)
class Wheel:
    """One file of the index."""

    name: str
    url: str

    @property
    def version(self) -> str:
        """Its version."""
        return f"{self.name}--".split("-")[1]

    @property
    def platforms(self) -> list[str]:
        """The machines that it is for."""
        return (
            self.name.removesuffix(".whl").rpartition("-")[2].split(".") if self.name.endswith(".whl") else []
        )


def main(folder: Path) -> None:
    """Put the pinned uv for this machine into `folder/bin`."""
    release = pinned()
    troubles = []
    for index in indexes():
        try:
            unpack(fetched(fitting(wheels(index), release), index, release), folder / "bin" / "uv")
        except (NotFetched, OSError, HTTPException, ValueError, KeyError, zipfile.BadZipFile) as trouble:
            troubles.append(f"{without_password(index)}: {trouble}")
        except NotThePinned as trouble:
            raise NotFetched(f"{without_password(index)}: {trouble}") from None
        else:
            return
    raise NotFetched("; ".join(troubles))


def pinned() -> Pinned:
    """Return the release that `uv.txt` names, in pip's own form."""
    text = PINNED.read_text(encoding="utf-8")
    version = re.search(r"^uv==(\S+)", text, re.MULTILINE)
    if version is None:
        raise NotFetched(f"{PINNED.name} names no version")
    return Pinned(version[1], frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", text)))


def indexes() -> list[str]:
    """Return the addresses of the index to ask, and of those to ask after it."""
    said = [configured() for configured in (from_uv_variables, from_uv_files, from_pip)]
    chosen = next((first for first, _ in said if first), PYPI)
    return list(dict.fromkeys([chosen, *(each for _, further in said for each in further)]))


def from_uv_variables() -> tuple[str, list[str]]:
    """Return what uv's variables say: the index, and those beside it."""
    first = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or ""
    further = f"{os.environ.get('UV_INDEX', '')} {os.environ.get('UV_EXTRA_INDEX_URL', '')}".split()
    # An index may have a name: `ours=https://…`.
    bare = [re.sub(r"^[A-Za-z0-9_-]+=(?=\w+:)", "", each) for each in (first, *further)]
    return bare[0], bare[1:]


def from_uv_files() -> tuple[str, list[str]]:
    """Return what uv's own files say."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    given = os.environ.get("UV_CONFIG_FILE")
    for path in [Path(given)] if given else [home / "uv/uv.toml", Path("/etc/uv/uv.toml")]:
        if path.is_file():
            said = tomllib.loads(path.read_text(encoding="utf-8"))
            listed = said.get("index", [])
            default = [each["url"] for each in listed if each.get("default")]
            further = [each["url"] for each in listed if not each.get("default")]
            return (default or [said.get("index-url", "")])[0], [*further, *said.get("extra-index-url", [])]
    return "", []


def from_pip() -> tuple[str, list[str]]:
    """Return what pip's variables and files say."""
    return pip_says("index-url").strip(), pip_says("extra-index-url").split()


def pip_says(name: str) -> str:
    """Return one of pip's options; its variables count more, and a person's file than the machine's."""
    parser = configparser.RawConfigParser()
    given = os.environ.get("PIP_CONFIG_FILE")
    home = Path.home()
    usual = [
        *(Path(each) / "pip/pip.conf" for each in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf",
    ]
    parser.read([*usual, *([given] if given else [])] if given != os.devnull else [], encoding="utf-8")
    variable = os.environ.get(f"PIP_{name.upper().replace('-', '_')}", "")
    return variable or parser.get("install", name, fallback="") or parser.get("global", name, fallback="")


class Links(HTMLParser):
    """Reads the files of an index that answers in HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    # Python 3.11 itself has no `override`.
    def handle_starttag(  # type: ignore[explicit-override]
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        """Take a link."""
        if tag == "a":
            self.found.append({name: value or "" for name, value in attrs})


def wheels(index: str) -> Iterator[Wheel]:
    """Yield the files of uv that an index has."""
    page = urljoin(index.rstrip("/") + "/", "uv/")
    with opened(page, index, accept=FORMS) as answer:
        kind, text, page = answer.headers.get_content_type(), answer.read(), answer.url
    if kind.endswith("+json"):
        for file in json.loads(text)["files"]:
            yield Wheel(file["filename"], urljoin(page, file["url"]))
        return
    links = Links()
    links.feed(text.decode("utf-8", "replace"))
    for link in links.found:
        url, _ = urldefrag(urljoin(page, link.get("href", "")))
        yield Wheel(unquote(urlsplit(url).path.rpartition("/")[2]), url)


def fitting(found: Iterator[Wheel], release: Pinned) -> Wheel:
    """Return the file of the release for this machine."""
    for wheel in found:
        if wheel.version == release.version and any(map(runs_here, wheel.platforms)):
            return wheel
    raise NotFetched(f"it has no uv {release.version} for {platform.system()} on {platform.machine()}")


def runs_here(tag: str) -> bool:
    """Whether a program for the platform of this tag runs on this machine."""
    machine = platform.machine().lower()
    architectures = {ARCHITECTURES.get(machine, machine)}
    library, own = platform.libc_ver()
    kind = "manylinux" if library == "glibc" else "musllinux"
    if kind == "musllinux":
        own = MUSL
    if sys.platform == "darwin":
        kind, own, architectures = "macosx", platform.mac_ver()[0], {machine, "universal2"}
    found = re.fullmatch(rf"{kind}_(\d+)_(\d+)_(\w+)", tag)
    return (
        found is not None and found[3] in architectures and numbers(f"{found[1]}.{found[2]}") <= numbers(own)
    )


def numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(each) for each in re.findall(r"\d+", version)[:2])


def fetched(wheel: Wheel, index: str, release: Pinned) -> bytes:
    """Return the bytes of a wheel, if they are those that were pinned.

    Raises:
        NotThePinned: they are others.
    """
    with opened(wheel.url, index) as answer:
        content: bytes = answer.read()
    if hashlib.sha256(content).hexdigest() not in release.sha256:
        raise NotThePinned(f"{wheel.name} is not the file that {PINNED.name} names")
    return content


def unpack(content: bytes, program: Path) -> None:
    """Write the program of a wheel to its place, whole or not at all."""
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        names = [name for name in files.namelist() if re.fullmatch(r"uv-[^/]+\.data/scripts/uv", name)]
        if len(names) != 1:
            raise NotFetched("the wheel has no program")
        program.parent.mkdir(parents=True, exist_ok=True)
        draft = program.with_name(f".uv-{os.getpid()}")
        draft.write_bytes(files.read(names[0]))
    draft.chmod(0o755)
    draft.replace(program)


def opened(address: str, index: str, *, accept: str = "*/*") -> Any:
    """Open an address; the name and password of the index are for its own host alone."""
    bare, _ = parted(address)
    own, authorization = parted(index)
    refuse_in_the_open(bare)
    request = urllib.request.Request(bare, headers={"Accept": accept})  # noqa: S310 -- what the operator configured
    if authorization and urlsplit(bare)[:2] == urlsplit(own)[:2]:
        request.add_unredirected_header("Authorization", authorization)
    opener = urllib.request.build_opener(Redirects(), urllib.request.HTTPSHandler(context=certificates()))
    return opener.open(request, timeout=PATIENCE_SECONDS)


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to where the first request would not have gone."""

    # Python 3.11 itself has no `override`.
    def redirect_request(  # type: ignore[explicit-override]  # noqa: PLR0917 -- its caller says so
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that follows."""
        refuse_in_the_open(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def refuse_in_the_open(address: str) -> None:
    """Refuse what others on the way could read and change.

    Raises:
        NotFetched: it is neither https, nor of this machine, nor of a host that the operator trusts.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"https", "file"} and not is_local(parts.hostname or "") and not is_trusted(parts):
        raise NotFetched(
            f"{parts.netloc} is asked over https only, unless it is named as trusted (PIP_TRUSTED_HOST)"
        )


def is_local(host: str) -> bool:
    """Whether what is said to a host stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_trusted(parts: SplitResult) -> bool:
    """Whether pip or uv is told to trust a host, with or without its port, whatever the way to it."""
    named = f"{pip_says('trusted-host')} {os.environ.get('UV_INSECURE_HOST', '')}"
    return not {parts.hostname, f"{parts.hostname}:{parts.port}"}.isdisjoint(named.lower().split())


def parted(address: str) -> tuple[str, str]:
    """Return an address without name and password, and the header that says them."""
    parts = urlsplit(address)
    named, _, host = parts.netloc.rpartition("@")
    header = f"Basic {base64.b64encode(unquote(named).encode()).decode()}" if named else ""
    return urlunsplit(parts._replace(netloc=host)), header


def without_password(address: str) -> str:
    """Return an address as it may be shown."""
    return parted(address)[0]


def certificates() -> ssl.SSLContext:
    """Return whose signatures are believed: the machine's, and those that pip is told of."""
    context = ssl.create_default_context()
    for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        path = os.environ.get(name)
        if path and Path(path).is_file():
            context.load_verify_locations(path)
    return context


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except NotFetched as trouble:
        sys.exit(str(trouble))
