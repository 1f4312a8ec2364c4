"""CPU of each step of a turn, one at a time on one thread: where the web process spends it.

The provider's stream and the socket's frames are not in it; `benchmarks.provider_cpu` and `benchmarks.chat` have
them. `SELECT 1` through Django's cursor is the floor of a round trip.

    python -m benchmarks.turn_steps [--turns 300]
"""

import argparse
import os
import subprocess
import sys

from benchmarks.chat_house import ROOT
from config.embedded import Embedded


def main() -> None:
    """Start the services, and measure in a process of their own environment."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=300)
    options = parser.parse_args()
    home = ROOT / ".local" / "benchmark"
    services = Embedded(home)
    environment = {
        **os.environ,
        **services.start(),
        "SIDELINE_DATA": str(home),
        "SIDELINE_ROLE": "web",
        "DJANGO_SETTINGS_MODULE": "config.settings.benchmark",
        "LOG_LEVEL": "WARNING",
    }
    try:
        measuring = [sys.executable, "-m", "benchmarks.turn_steps_inside", str(options.turns)]
        subprocess.run(measuring, env=environment, cwd=ROOT, check=True)
    finally:
        services.stop()


if __name__ == "__main__":
    main()
