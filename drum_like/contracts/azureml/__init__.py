"""Azure Machine Learning's online endpoints: `/score`, and the document of what it takes."""
