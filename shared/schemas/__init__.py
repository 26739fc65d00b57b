"""What goes in and out over HTTP, by resource; `fields` are what bodies and queries are made of."""
