"""All that travels in ``metadata_props``, from pass to pass and in the file.

``facts.py`` has the single facts; the files beside it those with several fields.
"""
