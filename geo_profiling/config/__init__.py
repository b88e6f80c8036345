"""The configuration: strict models, one file for each section, and how a YAML file becomes them."""
