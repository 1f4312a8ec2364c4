"""A database engine for the suite."""
