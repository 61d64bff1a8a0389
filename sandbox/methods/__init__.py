"""The Web API's methods, a module per family; importing this package registers them."""

from sandbox.methods import app, chat, conversations, files, oauth, reactions, usergroups, views

__all__ = ["app", "chat", "conversations", "files", "oauth", "reactions", "usergroups", "views"]
