"""How the sandbox brings events to the app: Socket Mode, HTTP, response addresses."""
