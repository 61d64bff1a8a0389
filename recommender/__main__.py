import signal
import sys

from recommender.cli import main

# What a service manager or a closed terminal sends is taken as Ctrl-C: nothing is left half-written.
signal.signal(signal.SIGTERM, signal.default_int_handler)
sys.exit(main())
