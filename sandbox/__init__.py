"""A Slack workspace on this machine, for trying the bot and for the tests."""
