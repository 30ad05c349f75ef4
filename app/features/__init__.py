"""The page's features: each is a module or a package with a function ``setup(console)``.

Features never import one another. They meet in three places: in ``console.commands``, which a
person runs; in ``console.events``, which notify them; in ``console.state``, which they watch.
"""
