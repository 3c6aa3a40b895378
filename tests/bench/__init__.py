"""Time and memory of the service: `make bench`. Linux only.

The baseline is a bare Flask route that parses and echoes the same body, under the same gunicorn
settings. Both are measured in turns: a disturbance of the machine then affects both.
"""
