"""What auditors read: the report page."""
