"""A learner's career: the jobs it held, what they took, what it was worth, what moves on."""
