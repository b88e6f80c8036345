"""Vector layers: safe reading, repair, polygonising."""
