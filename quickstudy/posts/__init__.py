"""A learner at work: posts, each behind a gate, with a mentor's inbox."""
