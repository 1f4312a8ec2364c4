"""What we say to a language model: versioned texts, and the functions that fill them in."""
