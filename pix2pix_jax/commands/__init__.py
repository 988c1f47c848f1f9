"""The console scripts, a module each, and what they share."""
