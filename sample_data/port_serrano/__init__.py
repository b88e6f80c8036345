"""Port Serrano, a city that does not exist: its plan and the functions that draw its layers."""
