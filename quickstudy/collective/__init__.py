"""What learners do together: merge, and part again."""
