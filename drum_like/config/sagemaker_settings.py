"""Settings of the contract of Amazon SageMaker's containers."""

from dataclasses import dataclass

from drum_like.config.options import option, switch
from drum_like.config.value_types import TEXT

CSV_BINARY = ("all", "positive")


@dataclass(frozen=True)
class SageMakerSettings:
    """Settings that SageMaker's variables set, too."""

    sagemaker: bool = switch(
        "take every request for one of Amazon SageMaker: CSV has no header row; the word `serve` "
        "and SageMaker's variables switch it on"
    )
    default_accept: str = option(
        "application/json",
        "media type of answers to SageMaker's requests that accept any",
        TEXT,
        env=("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",),
    )
    csv_binary: str = option(
        "all",
        "probabilities of a binary model in CSV answers to SageMaker's requests",
        TEXT,
        env=("SAGEMAKER_CSV_BINARY",),
        choices=CSV_BINARY,
    )
