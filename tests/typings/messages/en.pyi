# Made by the build of app/messages/en.toml (worker/build/catalogue.py).

TEXTS: dict[str, str | tuple[str, str]]
