"""What changed: assessments and reviews."""
