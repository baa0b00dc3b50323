"""Saved filters (常用筛选): one mechanism for every list that is a ``TableView``."""
