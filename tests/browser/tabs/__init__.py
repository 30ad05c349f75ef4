"""What many tabs on one database must keep, and how long it takes them."""
