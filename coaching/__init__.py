"""How the coach thinks: provider ports and adapters, prompts, policies, persona and style."""
