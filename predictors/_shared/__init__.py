"""What predictors of several frameworks need."""
