"""Migrations of control.db: functions and whatever else the API manages."""
