"""Requests that nobody should send, and what holds for their answers all the same."""

from tests.fuzz.run import Fuzz, Summary

__all__ = ["Fuzz", "Summary"]
