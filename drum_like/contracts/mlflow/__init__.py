"""MLflow's scoring protocol 2.0, and Databricks Model Serving, which speaks it below names.

Two contracts of one folder: Databricks' endpoints take the bodies of MLflow's server and answer as
it does. Source: MLflow 3.17.2 and the clients of both, observed. docs/mlflow.md and
docs/databricks.md say what is served and where it differs.
"""
