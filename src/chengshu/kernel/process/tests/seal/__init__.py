"""A small application for the tests: asking for the use of the official seal (用印审批)."""
