"""Cases of many tabs on one database: what must always hold, and how long it takes."""
