"""Tests of the sharing gateway."""
