"""The door for OpenAI's clients: `/v1/models` and `/v1/chat/completions`.

The last user message is the question, what stands before it the conversation. Marks come as
`url_citation` annotations, one a paper, in order of their numbers.
"""

from service.openai_api.reply import error_response, owns
from service.openai_api.routes import openai_routes

__all__ = ["error_response", "openai_routes", "owns"]
