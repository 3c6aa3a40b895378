"""Whether the token in a Secret is kept or renewed, and what the Secret contains."""
