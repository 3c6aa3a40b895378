"""From a socket to a decoded body, and from a response back to the socket."""
