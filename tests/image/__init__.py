"""The steps of deploy/Dockerfile, run without a container engine, and what they make, asked."""
