"""Uploaded and produced files: stored by content, named by people, handed out only through a permission."""
