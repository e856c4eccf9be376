"""ecosystem.ai's scoring calls: a model server's /invocations, a runtime's /invocate.

Source: the documentation of ecosystem.ai, and its published runtime controllers.
"""
