"""What goes in (`requests`) and out (`answers`) over HTTP."""
