"""Background work with progress, retry, cancel, dead letters and cron, on ``django-tasks``' database queue.

The library gives the queue (same transaction as the business write, SQLite and PostgreSQL). It lacks what this
package adds: progress people can watch, retries with back-off, a reaper for the jobs of killed workers, a scheduler.
"""
