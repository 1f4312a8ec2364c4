"""Commands about organizations and people."""
