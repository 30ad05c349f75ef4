"""Dialogs, notices and the sheet that all features use; nothing here knows the worker."""
