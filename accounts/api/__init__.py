"""The accounts' part of the API, one module for each kind of address."""
