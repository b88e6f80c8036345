from geo_profiling import _env
