"""The doctor: is something wrong, where, and what to do about it?

It examines jobs (`quickstudy.clinic.job.examine`) and learners
(`quickstudy.clinic.learner.examine`), and says of a learner that failed at a job which of them
is to blame (`quickstudy.clinic.verdict.verdict`).
"""
