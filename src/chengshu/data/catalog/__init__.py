"""Catalogue (目录子系统): which data the city has, who answers for it, and what each item means."""
