"""The checks of `manage.py doctor`: each small, bounded in time, with the next step for what it finds."""
