"""What an installation is made of comes from the lock file alone, and is checked against its hashes."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_file_that_the_lock_names_has_a_hash() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    files = [
        file
        for package in packages
        for file in (*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else []))
    ]
    assert [file["url"] for file in files if not file.get("hash", "").startswith("sha256:")] == []
    # Nothing comes from anywhere but a registry, except what is here.
    assert {kind for package in packages for kind in package["source"]} == {"registry", "virtual"}
