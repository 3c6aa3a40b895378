"""Time and memory of the service: `make bench`. Linux only.

Measured beside a bare Flask route that parses and echoes the same body, under the same gunicorn
settings, in turns: what disturbs the machine disturbs both.
"""
