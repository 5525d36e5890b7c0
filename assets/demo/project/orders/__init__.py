"""A small order service."""
