"""`python -m benchmarks [NAME…]`: run the measurements one after the other, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from config.embedded import Embedded

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared" / "data"
SQUAD = str(SHARED / "retrieval-squad")

MEASUREMENTS: dict[str, list[str]] = {
    "chat": [],
    "turn_steps": [],
    "sockets": [],
    "stopping": [],
    "retrieval_scale": [],
    "retrieval_quality": [],
    "answers_without_key": [SQUAD],
    "routing_accuracy": [],
    "ingestion_speed": [],
    "minilm_speed": [SQUAD],
    "provider_cpu": [],
    "escalation_rules": [],
    "student_data": [],
}
"""Each measurement with its arguments; some read the shared data sets and say so when they are absent."""


def main(names: list[str]) -> int:
    """Run the named measurements, or all; return the number that failed."""
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"There is no measurement {', '.join(unknown)}. There are: {', '.join(MEASUREMENTS)}.")
        return 2
    home = HERE.parent / ".local" / "benchmark"
    services = Embedded(home)
    environment = {**os.environ, **services.start(), "SIDELINE_DATA": str(home)}
    failed = 0
    try:
        for name in names or list(MEASUREMENTS):
            print(f"\n=== {name} ===", flush=True)
            command = [sys.executable, "-m", f"benchmarks.{name}", *MEASUREMENTS[name]]
            failed += subprocess.run(command, cwd=HERE.parent, env=environment, check=False).returncode != 0
    finally:
        services.stop()
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
