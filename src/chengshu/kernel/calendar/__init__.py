"""Working days of the People's Republic of China: which days count, when a term ends, how late
it is.

- ``working_days``: pure functions over a ``HolidayTable``; no database.
- ``deadlines``: terms in working days with a clock that can stop, and how they read in Chinese.
- ``models``, ``tables``: the administrator's own table, which overrides and extends the library's.
- ``services``, ``selectors``, ``views``: how the administrator keeps that table.
"""
