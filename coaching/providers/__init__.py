"""Ports to language and embedding models, the adapters behind them and the wrappers around them."""
