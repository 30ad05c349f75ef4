"""What every part of the page uses: the worker, the document, state, commands, events, texts."""
