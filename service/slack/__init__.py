"""The Slack app: questions come in as messages, answers go out as streamed, quoted replies.

Needs the extra `slack`; nothing here is imported before it is known to be there.
"""
