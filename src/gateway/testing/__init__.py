"""What proves a plugin: contracts to subclass, with pytest."""
