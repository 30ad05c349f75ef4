"""What is in quarantine, and pools of other programs."""
