"""Trails handed to a third party, and their proof without the city: no Django, no database, no secret.

An exported folder holds whole stretches of the trails of calls and of operations, the anchors that
were signed while they grew, and a signed manifest. `python -m chengshu_evidence FOLDER` tells every
cut, reordering, edit and missing stretch with its place.
"""
