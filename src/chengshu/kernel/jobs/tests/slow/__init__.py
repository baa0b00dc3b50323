"""A package of jobs that take their time, for tests that kill their worker."""
