"""Accounts at work: sign-in, passwords, organisations, roles and their pages, over the models of ``identity``."""
