"""The tutorial, followed to the letter: its files, its commands, what it says you should see."""
