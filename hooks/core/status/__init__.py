"""What the status of a binding says."""
