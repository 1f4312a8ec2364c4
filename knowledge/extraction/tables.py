"""Rows of cells as text that a person can read and a search can find."""

LONGEST_CELL = 600


def readable(rows: list[list[str]]) -> str:
    """Rows as text: "Header: value; Header: value" when the first row names the columns, else "a | b".

    Empty when the cells are no table: a frame around running text, or one filled column.
    """
    rows = [row for row in rows if any(row)]
    filled = sum(sum(bool(cell) for cell in row) >= 2 for row in rows)
    if len(rows) < 2 or filled * 2 < len(rows) or max(len(c) for row in rows for c in row) > LONGEST_CELL:
        return ""
    header = rows[0]
    if _names_columns(header):
        return "\n".join(_named(header, row) for row in rows[1:])
    return "\n".join(" | ".join(cell for cell in row if cell) for row in rows)


def _names_columns(header: list[str]) -> bool:
    """A row of short, different cells without numbers; the corner over row names may be empty."""
    names = header[1:] if not header[0] else header
    return (
        len(names) >= 1
        and len(set(header)) == len(header)
        and all(cell and len(cell) <= 60 and not cell[0].isdigit() for cell in names)
    )


def _named(header: list[str], row: list[str]) -> str:
    pairs = zip(header, row, strict=True)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
