"""The doctor: is something wrong, where, and what to do about it?

It examines jobs (`quickstudy.clinic.job.examine`) and learners
(`quickstudy.clinic.learner.examine`).
"""
