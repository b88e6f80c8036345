"""The command line: thin, and without heavy imports until a command runs."""
