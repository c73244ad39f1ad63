"""The demo: real services on loopback, and an outage played through them."""
