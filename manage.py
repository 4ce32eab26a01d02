#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

from campaigns.outages import OUTAGES, is_outage


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ad_agency.settings")
    try:
        execute_from_command_line(sys.argv)
    except OUTAGES as error:
        if "--traceback" in sys.argv or not is_outage(error):
            raise
        told = str(error).strip()
        sys.exit(
            f"The database is away or busy, or it is not migrated: {told}. Run the command again when it is ready."
        )


if __name__ == "__main__":
    main()
