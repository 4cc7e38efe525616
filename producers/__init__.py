"""What makes events: cards and their flashes, the synchronizer, switchover and supervision."""
