"""What the page can do, a module or a package for each feature, with a function ``setup(console)``.

Features never import one another.  They meet in three places: in ``console.commands``, for what a
person may ask for; in ``console.events``, for what has happened; in ``console.state``, for what is.
"""
