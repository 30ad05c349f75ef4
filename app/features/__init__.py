"""The page's features: each is a module or a package with a function ``setup(console)``.

A package also has the feature's markup, NAME.html, and its style, NAME.css, which the build puts
into the page and its style sheet (worker/build/page.py).

Features never import one another. They meet in three places: in ``console.commands``, which a
person runs; in ``console.events``, which notify them; in ``console.state``, which they watch.
"""
