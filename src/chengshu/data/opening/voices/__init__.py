"""What the public says about open data: wishes, corrections, questions, things made of it; and who follows a dataset.

Not tickets (found by rules, bound to a resource, internal) and not access requests (of registered applications):
the same pattern, a small explicit state and a clock in working days, with an answer that everybody may read.
"""
