"""Parts that predictors of several frameworks share."""
