"""What changed: rubrics, assessments, progression, reviews of sessions."""
