"""What happens to a learner, kept: the durable log, and the folder that it lies in."""
