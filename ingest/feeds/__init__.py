"""Papers from services: arXiv, OpenAlex, Crossref, PubMed, Semantic Scholar, OAI-PMH.

`config` makes a service of what a person asks, `sync` runs it, `state` tells when it last ran.
"""
