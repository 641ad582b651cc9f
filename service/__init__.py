"""Answers out: what to retrieve, what to ask, what to cite, and the doors people come through."""
