"""The measurements, one module each: from servers that run to values with units."""
