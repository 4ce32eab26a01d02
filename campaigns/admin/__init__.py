"""The Django admin: people's door. Pages show what is, and call one function for a change."""

from campaigns.admin import accounts, automation, brands, campaigns, dashboard, imports, ledger, schedules, tokens

__all__ = ["accounts", "automation", "brands", "campaigns", "dashboard", "imports", "ledger", "schedules", "tokens"]
