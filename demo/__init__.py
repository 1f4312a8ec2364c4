"""The material of the demonstration: a handbook, an agenda, a transcript, the cast and what they said."""
