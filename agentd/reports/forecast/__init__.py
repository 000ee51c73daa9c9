"""What the next step and the rest of a change will probably cost."""
