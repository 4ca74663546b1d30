"""The doctor: is something wrong, where, and what to do about it?

So far it examines jobs (`quickstudy.clinic.job.examine`).
"""
