"""Side-by-side runs, each one command: `python -m benchmarks.NAME` from the repository.

    quick         our learner against Stable-Baselines3 and SBX on small jobs and the default
    professions   our learner on the jobs of the catalogue, against who does them today
    crash         kill -9 at random moments: what is lost, and how learning goes on
    delay         with a value function and without: the same job, its outcome delayed
    speed         import, first decision, one decision, updates per second
    incumbents    who does each job today, and how well
    readme        puts the tables' summaries into the README

Tables stand in `benchmarks/results/`, with the command that made them.
"""
