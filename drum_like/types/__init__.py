"""The values that pass between the parts of this program."""
