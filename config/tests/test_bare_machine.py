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
    elsewhere: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}/ours/simple"

    def add(self, version: str, *, platform: str = f"manylinux_2_5_other.{HERE}") -> str:
        """Publish a version, and return the name of its file."""
        name = f"uv-{version}-py3-none-{platform}.whl"
        self.files[name] = wheel(version, TELLS + f"# {version}\n")
        self.sha256[name] = hashlib.sha256(self.files[name]).hexdigest()
        return name

    def page(self) -> tuple[str, str]:
        """Return the kind and the text of the project's page."""
        if self.html:
            links = [
                f'<a href="../../files/{name}#sha256={self.sha256[name]}">{name}</a>' for name in self.files
            ]
            return "text/html", "<!DOCTYPE html>" + "<br>".join(links)
        listed = [
            {
                "filename": name,
                "url": f"../../files/{name}",
                "hashes": {"sha256": self.sha256[name]},
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
                index.asked.append(self.path)
                if index.elsewhere:
                    self.send_response(302)
                    self.send_header("Location", index.elsewhere + self.path)
                    self.end_headers()
                elif index.password and self.headers["Authorization"] != index.authorization:
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


def pin(folder: Path, *names: str, index: Index, version: str = "0.9.8") -> None:
    """Let a folder have what fetches uv, and the sha256 of these files as the only ones that are taken."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "bin" / "fetch_uv.py", folder)
    hashes = "".join(f" \\\n    --hash=sha256:{index.sha256[name]}" for name in names)
    (folder / "uv.txt").write_text(f"# Why.\nuv=={version}{hashes}\n")


def fetch(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Fetch uv into a folder, with a Python that sees the standard library alone."""
    return subprocess.run(
        [sys.executable, "-S", str(folder / "bin" / "fetch_uv.py"), str(folder / "uv")],
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
def test_the_pinned_release_for_this_machine_is_taken(index: Index, tmp_path: Path, html: bool) -> None:
    index.html = html
    index.add("0.9.8")
    others = [index.add("0.10.2", platform="win_amd64"), index.add("0.10.2", platform="manylinux_9_99_other")]
    name = index.add("0.10.2")
    index.add("0.11.0")
    pin(tmp_path / "bin", *others, name, index=index, version="0.10.2")
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
    pin(tmp_path / "bin", index.add("0.9.8"), index=index)
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


def test_a_file_that_is_not_the_pinned_one_ends_the_search(index: Index, tmp_path: Path) -> None:
    name = index.add("0.9.8")
    pin(tmp_path / "bin", name, index=index)
    index.files[name] = wheel("0.9.8", "#!/bin/sh\necho theirs\n")
    index.sha256[name] = hashlib.sha256(index.files[name]).hexdigest()
    further = f"http://{LOOPBACK}:{index.port}/further/simple"
    done = fetch(tmp_path, PIP_INDEX_URL=index.url, PIP_EXTRA_INDEX_URL=further)
    why = f"{name} is not the file that uv.txt names"
    assert (done.returncode, done.stderr) == (1, f"{index.url}: {why}\n")
    assert index.asked == ["/ours/simple/uv/", f"/ours/files/{name}"]
    assert not (tmp_path / "uv").exists()


IN_THE_OPEN = "is asked over https only, unless it is named as trusted (PIP_TRUSTED_HOST)"


def test_nothing_is_asked_of_an_index_over_plain_http(index: Index, tmp_path: Path) -> None:
    pin(tmp_path / "bin", index.add("0.9.8"), index=index)
    done = fetch(tmp_path, PIP_INDEX_URL="http://me:secret@index.invalid:81/simple")
    said = f"http://index.invalid:81/simple: index.invalid:81 {IN_THE_OPEN}\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_a_redirect_to_plain_http_is_not_followed(index: Index, tmp_path: Path) -> None:
    pin(tmp_path / "bin", index.add("0.9.8"), index=index)
    index.elsewhere = "http://index.invalid:81"
    done = fetch(tmp_path, PIP_INDEX_URL=index.url)
    assert (done.returncode, done.stderr) == (1, f"{index.url}: index.invalid:81 {IN_THE_OPEN}\n")


@pytest.mark.parametrize("variable", ["PIP_TRUSTED_HOST", "UV_INSECURE_HOST"])
def test_a_host_that_is_named_as_trusted_is_asked_over_plain_http(
    index: Index, tmp_path: Path, variable: str
) -> None:
    pin(tmp_path / "bin", index.add("0.9.8"), index=index)
    plain = {"PIP_INDEX_URL": "http://index.invalid/simple", variable: "other.invalid index.invalid"}
    # The name leads nowhere; that it was looked up says that it was asked.
    assert IN_THE_OPEN not in fetch(tmp_path, **plain).stderr
    assert IN_THE_OPEN in fetch(tmp_path, **{**plain, variable: "other.invalid"}).stderr


def test_the_password_of_an_index_opens_it_and_is_not_shown(index: Index, tmp_path: Path) -> None:
    pin(tmp_path / "bin", index=index)
    index.password = "word/pass"
    address = index.url.replace("://", "://me:word%2Fpass@")
    refused = fetch(tmp_path, PIP_INDEX_URL=address)
    assert (refused.returncode, refused.stderr.partition(": ")[0]) == (1, index.url)
    assert "pass" not in refused.stderr
    pin(tmp_path / "bin", index.add("0.9.8"), index=index)
    assert fetch(tmp_path, PIP_INDEX_URL=address).returncode == 0
    assert version_in(tmp_path) == "0.9.8"


def bare_machine(folder: Path, *pinned: str, index: Index) -> Path:
    """Return a checkout and, beside it, the few programs of a machine whose Python has no pip."""
    programs = folder / "programs"
    programs.mkdir()
    for name in TOOLS:
        (programs / name).symlink_to(shutil.which(name) or "")
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    (programs / "python3").chmod(0o755)
    checkout = folder / "sideline"
    pin(checkout / "bin", *pinned, index=index)
    shutil.copy(ROOT / "bin" / "environment", checkout / "bin")
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
    checkout = bare_machine(tmp_path, index.add("0.9.8"), index=index)
    for said in ("Installing uv into .local/uv …\nInstalling", "Installing"):
        done = make_environment(checkout, PIP_INDEX_URL=index.url)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{said} what uv.lock names into .venv …\n"
    python = tmp_path / "programs" / "python3"
    assert (checkout / "told").read_text() == f".venv: sync --frozen --quiet --python {python}\n"


def test_where_no_index_has_uv_it_is_said_with_the_next_step(index: Index, tmp_path: Path) -> None:
    done = make_environment(bare_machine(tmp_path, index=index), PIP_INDEX_URL=index.url)
    assert done.returncode == 1
    assert done.stderr == (
        f"{index.url}: it has no uv 0.9.8 for {platform.system()} on {platform.machine()}\n"
        "Sideline: uv could not be fetched. Name your package index (PIP_INDEX_URL), or install uv yourself\n"
    )


def test_where_python_has_pip_it_is_asked_for_the_pinned_files_alone(index: Index, tmp_path: Path) -> None:
    checkout = bare_machine(tmp_path, index.add("0.9.8"), index=index)
    python = tmp_path / "programs" / "python3"
    plain = python.read_text().partition("\n")[2]
    python.write_text(f'#!/bin/sh\n[ "$1" = -m ] && {{ echo "$*" >>asked; exit; }}\n{plain}')
    assert make_environment(checkout, PIP_INDEX_URL=index.url).returncode == 0
    assert (checkout / "asked").read_text().splitlines() == [
        "-m pip --version",
        "-m pip --quiet --disable-pip-version-check install --target .local/uv --only-binary :all:"
        " --require-hashes --requirement bin/uv.txt",
    ]
