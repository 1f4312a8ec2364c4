"""From a file to live passages: a row per stage, each stage a small function, resumable after any kill."""
