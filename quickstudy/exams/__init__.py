"""Exams: how well does a learner do where it has never been?"""
