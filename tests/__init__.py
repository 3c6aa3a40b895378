"""Tests of the hooks, and the machines they are tested against."""
