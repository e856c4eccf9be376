"""The use cases of ecosystem.ai's MLRun module, as data to learn from and models that learned."""
