"""The service's REST interface: a request finds its operation, and an outcome or error becomes an answer."""
