"""External systems, one module each: vector stores and feature stores."""
