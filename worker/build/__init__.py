"""What builds the site and the packages, on the developer's machine: not shipped."""
