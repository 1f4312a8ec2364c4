"""The conversations' part of the API: what is sent and answered, one module for each kind of address."""
