"""What commands do, composed from the library: no method of its own."""
