"""Modules that all features of the page share: worker, document, state, commands, events, texts."""
