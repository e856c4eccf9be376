"""Amazon SageMaker's calls: a serving container's routes, and those of boto3's runtime client.

Source: Amazon's guide "Use your own inference code with hosting services" and its common data
formats, the sagemaker-inference toolkit, botocore's model of sagemaker-runtime.
"""
