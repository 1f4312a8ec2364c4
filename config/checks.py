"""System checks of the deployment; each message has an id and says what to do."""
