"""Converting a trained ANN: which passes, on what, with which options.

Entry: ``convert`` in ``convert.py``; ``pipeline.py`` has the list of passes, ``options.py`` the
options.
"""
