"""Signing in with Google and with Clever."""
