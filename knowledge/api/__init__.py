"""The library in the API, one module for each kind of address."""
