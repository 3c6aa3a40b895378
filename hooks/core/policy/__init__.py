"""What the cluster's owner permits."""
