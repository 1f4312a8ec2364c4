"""What a call costs, from the table in `prices.toml`."""

import re
import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path

from coaching.providers.ports import Usage

TABLE = Path(__file__).with_name("prices.toml")
MILLION = Decimal(1_000_000)
SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def cost_usd(*, provider: str, model: str, usage: Usage) -> Decimal:
    """Return the exact cost of `usage` in US dollars; zero where the table has no price."""
    table = _prices().get(provider, {})
    price = table.get(model) or table.get(SNAPSHOT.sub("", model))
    if price is None:
        return Decimal(0)
    return (price["input"] * usage.input_tokens + price["output"] * usage.output_tokens) / MILLION


@cache
def _prices() -> dict[str, dict[str, dict[str, Decimal]]]:
    prices: dict[str, dict[str, dict[str, Decimal]]] = tomllib.loads(TABLE.read_text(), parse_float=Decimal)
    return prices
