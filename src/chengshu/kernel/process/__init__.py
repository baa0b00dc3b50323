"""Processes with people in them, and the one to-do list.

- ``definition``: BPMN 2.0 files of the manifests, read, checked, kept as versions that never change.
- ``engine``: moves the tokens of one case; a case at rest is its marking, a few dozen bytes.
- ``models``: cases, tasks (one row per task, the truth for every list), the trace, timers.
- ``services``: what people do, one service per act. ``selectors``: the lists.
- ``clocks``, ``timers``: terms in working days, and what happens when time has passed.
"""
