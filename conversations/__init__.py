"""What is said: conversations, turns, handoff, live sockets, feedback."""
