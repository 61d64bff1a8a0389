"""What Slack sees: listeners, messages, the queue."""
