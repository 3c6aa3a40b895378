"""From a socket to a decoded body, and from an answer back to the socket."""
