"""Pipelines: compose the library into what the commands do; hold no method of their own."""
