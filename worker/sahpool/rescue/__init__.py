"""Recovery of slots from quarantine, and copies of the pools of other programs."""
