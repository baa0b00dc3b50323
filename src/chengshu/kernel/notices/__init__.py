"""Notices inside the platform: something a person should know, on their own page and in the bell."""
