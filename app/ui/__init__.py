"""What is shown in the same way everywhere; nothing here knows the worker."""
