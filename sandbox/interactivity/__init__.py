"""What Slack does with modals, buttons and menus: views, their inputs, and the payloads that reach the app."""
