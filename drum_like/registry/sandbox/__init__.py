"""Whether a stored model can be served: it is loaded, and predicts, in a process of its own.

A damaged model file may end the process that loads it, or that predicts with it, and code in it
may do anything. So a child tries first: with limits on memory, CPU time, files and descriptors,
without the variables of this process's environment, in a session of its own that is killed when
its time is over, and that ends by itself with the process that began it. The first line of its
standard input is a description of the model, its answer comes through a pipe.
"""
