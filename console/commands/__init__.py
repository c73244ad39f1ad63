"""The commands of ``vigie``, one file each; imported only when called."""
