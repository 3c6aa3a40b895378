"""Requests that no client should send, and rules for all answers."""

from tests.fuzz.run import Fuzz, Summary

__all__ = ["Fuzz", "Summary"]
