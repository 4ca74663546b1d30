"""Side-by-side runs, each one command: `python -m benchmarks.NAME` from the repository.

    quick         our learner against Stable-Baselines3 and SBX on small jobs and the default
    driver        ten hours on a motorway: return, crashes, denser traffic, what is kept
    mujoco        five robots to 50,000 steps, beside published figures
    ablation      the mind with one ingredient switched off at a time
    figure        draws the README's summary figure from quick's results
    professions   our learner on the jobs of the catalogue, against who does them today
    crash         kill -9 at random moments: what is lost, and how learning goes on
    delay         with a value function and without: the same job, its outcome delayed
    growth        opening a long log, its size on disk, decisions and study of many jobs
    speed         import, first decision, one decision, updates per second
    incumbents    who does each job today, and how well
    bugs          does the doctor find and name bugs planted in a learner?
    law           do the intervals of the law of learning to learn hold?
    coverage      do the intervals of exams hold as often as they say?
    overfit       are learners that memorised their worlds exposed, and honest ones not?
    leaked        does the alarm fire where one exam world in twenty was practised?
    levels        how many worlds must be practised before fresh ones go as well?
    students      one drilled in a single world, one broad: practice counted, one exam
    readme        puts the tables' summaries into the README

Tables stand in `benchmarks/results/`, with the command that made them.
"""
