"""All that travels in ``metadata_props``, from pass to pass and in the file."""
