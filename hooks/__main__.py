"""`acrpull --version`, run as `python -m hooks --version`."""

import argparse
import os

from hooks.version import VERSION


def main() -> None:
    """Print the version and the revision, or the usage."""
    parser = argparse.ArgumentParser(
        prog="acrpull",
        description="The service starts with: gunicorn -c hooks/gunicorn_conf.py hooks.wsgi:app",
    )
    revision = os.environ.get("REVISION") or "unknown"
    text = f"acrpull {VERSION}, revision {revision}"
    parser.add_argument("--version", action="version", version=text)
    parser.parse_args()
    parser.print_help()


if __name__ == "__main__":
    main()
