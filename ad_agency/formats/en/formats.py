"""Dates and times as they are written everywhere here: ISO 8601, short enough for a table."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i"
TIME_FORMAT = "H:i"
