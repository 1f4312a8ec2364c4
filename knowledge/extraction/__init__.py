"""From an untrusted file to text with structure, each file in a confined child process."""
