"""First code of every child: give up memory, CPU, network and processes, then become the reader.

Run as `python -P -m knowledge.extraction.launcher MODULE AS_MB CPU_S OUTPUT_MB THREADS`.
"""

import runpy
import sys

from knowledge.extraction.confinement import leave_network, limit_resources
from knowledge.extraction.limits import Budget

READERS = "knowledge."
# PyMuPDF imports these when they are there, for a page layout model that we do not use: without
# them a child starts in half the time and needs a third of the memory.
UNWANTED = ("pymupdf.layout", "pymupdf4llm", "tabulate")


def launch(arguments: list[str]) -> None:
    """Confine this process and run the reader module named first in the arguments."""
    module, address_space_mb, cpu_s, output_mb, threads = arguments
    if not module.startswith(READERS):
        raise SystemExit("not a reader")
    leave_network()
    limit_resources(Budget(int(address_space_mb), int(cpu_s), 0.0, int(output_mb), threads=threads == "1"))
    sys.modules.update(dict.fromkeys(UNWANTED))  # type: ignore[arg-type]
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    launch(sys.argv[1:])
