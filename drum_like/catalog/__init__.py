"""Which models a server serves, under which names, and how they come and go."""
