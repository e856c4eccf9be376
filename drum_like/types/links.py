"""Link functions: from the scale on which a model adds up to that of its predictions."""

from enum import Enum


class Link(Enum):
    """The function from the scale on which contributions add up to the prediction.

    LOG and LOGIT are named after the scale: the prediction is its exponential, or its logistic.
    """

    IDENTITY = "identity"
    LOG = "log"
    LOGIT = "logit"
    SOFTMAX = "softmax"
