"""Whether the token in a Secret is kept, or a new token is requested."""
