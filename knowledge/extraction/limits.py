"""How much one file may cost."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings for one file; passing one ends the extraction with the cause that names it."""

    file_mb: int = 200
    address_space_mb: int = 768
    cpu_s: int = 30
    wall_s: float = 60.0
    output_mb: int = 32
    pages: int = 2_000
    archive_entries: int = 2_000
    archive_ratio: int = 100
    archive_total_mb: int = 200
    pixels: int = 50_000_000
    ocr_address_space_mb: int = 2_048
    ocr_page_s: float = 30.0
    ocr_pages: int = 500


@dataclass(frozen=True, slots=True)
class Budget:
    """What the operating system lets one child process use."""

    address_space_mb: int
    cpu_s: int
    wall_s: float
    output_mb: int
    threads: bool = False
