"""Control cards and their flashes, on this machine or on another host."""
