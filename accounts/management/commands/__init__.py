"""Commands about organizations, people and the record."""
