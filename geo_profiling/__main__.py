"""``python -m geo_profiling`` is ``geo-profiling``."""

from geo_profiling.cli.main import main

if __name__ == "__main__":
    main()
