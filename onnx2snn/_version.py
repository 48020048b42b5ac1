"""The version of the package."""

__all__ = ["FORMAT_VERSION", "__version__"]

__version__ = "0.1.0"

FORMAT_VERSION = "1"
"""Version of the file format of networks that this version writes and reads."""
