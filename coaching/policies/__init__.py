"""Pure decisions: when a person is needed."""
