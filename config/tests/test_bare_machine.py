"""A machine without uv whose Python has neither pip nor ensurepip makes the environment all the same."""

import base64
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typing_extensions import override

from config.ports import LOOPBACK
from config.tests.deployment import ROOT

HERE = (
    f"macosx_10_12_{platform.machine()}"
    if sys.platform == "darwin"
    else f"manylinux_2_17_{platform.machine()}"
)
TELLS = '#!/bin/sh\necho "$UV_PROJECT_ENVIRONMENT: $*" >told\n'
"""A program in the place of uv, which tells what it is asked for."""
TOOLS = ("sh", "bash", "env", "dirname", "mkdir", "rm", "cat")


def wheel(version: str, program: str = TELLS) -> bytes:
    """Return a wheel of uv."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as files:
        files.writestr(f"uv-{version}.data/scripts/uv", program)
        files.writestr(f"uv-{version}.data/scripts/uvx", "")
    return content.getvalue()


@dataclass
class Index:
    """A package index on loopback with one project."""

    html: bool = False
    password: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    yanked: set[str] = field(default_factory=set)
    sha256: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}/ours/simple"

    def add(
        self, version: str, *, platform: str = f"manylinux_2_5_other.{HERE}", yanked: bool = False
    ) -> str:
        """Publish a version, and return the name of its file."""
        name = f"uv-{version}-py3-none-{platform}.whl"
        self.files[name] = wheel(version, TELLS + f"# {version}\n")
        self.sha256[name] = hashlib.sha256(self.files[name]).hexdigest()
        if yanked:
            self.yanked.add(name)
        return name

    def page(self) -> tuple[str, str]:
        """Return the kind and the text of the project's page."""
        if self.html:
            links = [
                f'<a href="../../files/{name}#sha256={self.sha256[name]}" {mark}>{name}</a>'
                for name in self.files
                for mark in ["data-yanked" if name in self.yanked else ""]
            ]
            return "text/html", "<!DOCTYPE html>" + "<br>".join(links)
        listed = [
            {
                "filename": name,
                "url": f"../../files/{name}",
                "hashes": {"sha256": self.sha256[name]} if self.sha256[name] else {},
                "yanked": name in self.yanked,
            }
            for name in self.files
        ]
        return "application/vnd.pypi.simple.v1+json", json.dumps({"files": listed})

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return what answers requests."""
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                if index.password and self.headers["Authorization"] != index.authorization:
                    self.answer(401, "text/plain", b"")
                elif self.path == "/ours/simple/uv/":
                    kind, text = index.page()
                    self.answer(200, kind, text.encode())
                elif self.path.startswith("/ours/files/") and name in index.files:
                    self.answer(200, "application/octet-stream", index.files[name])
                else:
                    self.answer(404, "text/plain", b"")

            def answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, *_arguments: Any) -> None:
                pass

        return Handler

    @property
    def authorization(self) -> str:
        """The header that lets somebody in."""
        return f"Basic {base64.b64encode(f'me:{self.password}'.encode()).decode()}"


@pytest.fixture
def index() -> Iterator[Index]:
    """An index that serves."""
    index = Index()
    server = ThreadingHTTPServer((LOOPBACK, 0), index.handler())
    index.port = server.server_port
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield index
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Fetch uv into a folder, with a Python that sees the standard library alone."""
    return subprocess.run(
        [sys.executable, "-S", str(ROOT / "bin" / "fetch_uv.py"), str(folder / "uv")],
        env={"HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def version_in(folder: Path) -> str:
    """Return the version of the program that was fetched."""
    program = folder / "uv" / "bin" / "uv"
    assert os.access(program, os.X_OK)
    return program.read_text().rpartition("# ")[2].strip()


@pytest.mark.parametrize("html", [False, True])
def test_the_newest_final_release_for_this_machine_is_taken(index: Index, tmp_path: Path, html: bool) -> None:
    index.html = html
    for version in ("0.9.8", "0.10.2", "0.2.44"):
        index.add(version)
    index.add("0.11.0", yanked=True)
    index.add("0.12.0rc1")
    index.add("0.12.0", platform="win_amd64")
    index.add("0.13.0", platform=f"manylinux_9_99_{platform.machine()}.macosx_99_0_{platform.machine()}")
    done = fetch(tmp_path, PIP_INDEX_URL=index.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert version_in(tmp_path) == "0.10.2"
    assert [each.name for each in (tmp_path / "uv" / "bin").iterdir()] == ["uv"]


@pytest.mark.parametrize(
    ("variable", "path", "said"),
    [
        ("PIP_INDEX_URL", "", "{url}/"),
        ("UV_INDEX_URL", "", "{url}"),
        ("UV_DEFAULT_INDEX", "", "ours={url}"),
        ("", ".config/pip/pip.conf", "[global]\nindex-url = {url}\n"),
        ("", ".pip/pip.conf", "[install]\nindex-url = {url}\n"),
        ("PIP_CONFIG_FILE", "own.conf", "[global]\nindex-url = {url}\n"),
        ("", ".config/uv/uv.toml", 'index-url = "{url}"\n'),
        ("", ".config/uv/uv.toml", '[[index]]\nname = "ours"\nurl = "{url}"\ndefault = true\n'),
        ("PIP_EXTRA_INDEX_URL", "", "{url}"),
    ],
)
def test_the_index_is_the_configured_one(
    index: Index, tmp_path: Path, variable: str, path: str, said: str
) -> None:
    index.add("0.9.8")
    environment = {variable: said.format(url=index.url)} if variable else {}
    if path:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(said.format(url=index.url))
        environment = {variable: str(tmp_path / path)} if variable else {}
    if "EXTRA" in variable:
        environment["PIP_INDEX_URL"] = f"http://{LOOPBACK}:1/simple"
    done = fetch(tmp_path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert version_in(tmp_path) == "0.9.8"


@pytest.mark.parametrize(
    ("told", "why"),
    [("0" * 64, "{name} is not what it says"), ("", "it tells no sha256 of {name}")],
)
def test_a_file_that_is_not_what_the_index_tells_is_refused(
    index: Index, tmp_path: Path, told: str, why: str
) -> None:
    name = index.add("0.9.8")
    index.sha256[name] = told
    done = fetch(tmp_path, PIP_INDEX_URL=index.url)
    assert (done.returncode, done.stderr) == (1, f"{index.url}: {why.format(name=name)}\n")
    assert not (tmp_path / "uv").exists()


def test_the_password_of_an_index_opens_it_and_is_not_shown(index: Index, tmp_path: Path) -> None:
    index.password = "word/pass"
    address = index.url.replace("://", "://me:word%2Fpass@")
    refused = fetch(tmp_path, PIP_INDEX_URL=address)
    assert (refused.returncode, refused.stderr.partition(": ")[0]) == (1, index.url)
    assert "pass" not in refused.stderr
    index.add("0.9.8")
    assert fetch(tmp_path, PIP_INDEX_URL=address).returncode == 0
    assert version_in(tmp_path) == "0.9.8"


def bare_machine(folder: Path) -> Path:
    """Return a checkout and, beside it, the few programs of a machine whose Python has no pip."""
    programs = folder / "programs"
    programs.mkdir()
    for name in TOOLS:
        (programs / name).symlink_to(shutil.which(name) or "")
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    (programs / "python3").chmod(0o755)
    checkout = folder / "sideline"
    (checkout / "bin").mkdir(parents=True)
    for name in ("environment", "fetch_uv.py"):
        shutil.copy(ROOT / "bin" / name, checkout / "bin" / name)
    return checkout


def make_environment(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Make the environment of a checkout on the bare machine."""
    return subprocess.run(
        [checkout / "bin" / "environment"],
        env={"PATH": str(checkout.parent / "programs"), "HOME": str(checkout.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_ordinary_user_of_a_bare_machine_gets_the_environment(index: Index, tmp_path: Path) -> None:
    index.add("0.9.8")
    checkout = bare_machine(tmp_path)
    for said in ("Installing uv into .local/uv …\nInstalling", "Installing"):
        done = make_environment(checkout, PIP_INDEX_URL=index.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{said} what uv.lock names into .venv …\n"
    python = tmp_path / "programs" / "python3"
    assert (checkout / "told").read_text() == f".venv: sync --frozen --quiet --python {python}\n"


def test_where_no_index_has_uv_it_is_said_with_the_next_step(index: Index, tmp_path: Path) -> None:
    done = make_environment(bare_machine(tmp_path), PIP_INDEX_URL=index.url)
    assert done.returncode == 1
    assert done.stderr == (
        f"{index.url}: it has no uv for {platform.system()} on {platform.machine()}\n"
        "Sideline: uv could not be fetched. Name your package index (PIP_INDEX_URL), or install uv yourself\n"
    )
