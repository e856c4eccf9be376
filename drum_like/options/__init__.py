"""How settings are declared, and how they are found on the command line and elsewhere."""
