"""The one Markdown reader: what is code, what is a comment, what is a heading."""
