"""The runbooks that ship with Vigie, read as data."""
