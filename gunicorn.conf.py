"""gunicorn's settings for the bot in HTTP mode: `gunicorn bot.wsgi:app` reads them when started in this folder."""

import os

from gunicorn.workers import SUPPORTED_WORKERS

worker_class = "recommender.service.gunicorn_worker.Worker"
SUPPORTED_WORKERS["gthread"] = worker_class  # what command lines of version 0.1 name
workers = 1  # its threads share the catalogue's caches, and /metrics tells of all requests
threads = 32
bind = f"{os.environ.get('HOST') or '127.0.0.1'}:{os.environ.get('PORT') or '8000'}"
logger_class = "bot.operations.logs.GunicornLog"
control_socket_disable = True  # nobody is to steer the server through a file in the home folder
