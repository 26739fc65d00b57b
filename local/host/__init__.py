"""Stands in for the Azure Functions host: serves functions over HTTP, pumps the change feed, runs timers."""
