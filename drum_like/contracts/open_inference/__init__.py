"""The Open Inference Protocol, version 2: the contract of Triton, KServe, MLServer and Seldon.

Source: the protocol's specification, and its extensions by Triton, in public; their clients and
servers, observed.
"""
