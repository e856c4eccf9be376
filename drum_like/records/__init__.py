"""Rows whose cells come with the types of JSON: from cells to the columns of a frame."""
